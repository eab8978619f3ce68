"""The trigger behind the network: its score, its working points, its artefact."""
