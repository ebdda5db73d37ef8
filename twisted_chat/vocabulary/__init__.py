"""The vocabulary: what is said on the wire, what names are, and how a refusal looks."""
