"""Networks as plain torch modules: one file a family, their initialisation and how a config's choice is built."""
