"""What the claims of the documentation are measured with. Speeds are ratios within one run; nothing here is a test."""
