//! Looks at a project's folder and writes its first configuration.
