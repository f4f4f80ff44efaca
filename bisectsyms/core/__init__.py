"""The pure core: no os, no subprocess, no git, no clock."""
