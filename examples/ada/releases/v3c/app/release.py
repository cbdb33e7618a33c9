RELEASE = "v3c"
