"""Reports of others, read and never obeyed: mails, threads and pages in, findings with their places out."""
