"""What every layer may use: choices, canonical keys, steps, seeds and components. Never imports torch at load time."""
