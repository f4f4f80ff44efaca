"""The report as text for people and for programs; the page has a room of its own."""
