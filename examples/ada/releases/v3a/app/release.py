RELEASE = "v3a"
