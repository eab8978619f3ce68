"""What the trials of the supply chain share: the lock, wheels, licences and vendored code."""
