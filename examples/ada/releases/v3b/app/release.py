RELEASE = "v3b"
