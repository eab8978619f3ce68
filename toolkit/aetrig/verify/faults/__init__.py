"""A flipped bit in what a network stores: what can flip, what it does, what can never show."""
