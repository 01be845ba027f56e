"""What records alone cannot show: computed from the masks and networks in the store."""
