//! TLS to a real server, with certificates of our own: who is believed, who is not, and why.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and that is all")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use switchback_engine::cancel::Cancel;
use switchback_model::{DatabaseUrl, Failure, code};
use switchback_postgres::Session;
use switchback_postgres::scratch::{Scratch, ScratchOptions};

/// A server on an address of the loopback network that no other test has, and its papers.
struct Server {
    scratch: Scratch,
    folder: tempfile::TempDir,
    address: String,
}

fn openssl(folder: &Path, words: &str) {
    let output = Command::new("openssl").current_dir(folder).args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "openssl {words}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority.
fn authority(folder: &Path, name: &str) {
    openssl(
        folder,
        &format!(
            "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN={name} -keyout {name}.key -out {name}.crt"
        ),
    );
}

/// A certificate of an authority; `more` are words of `openssl x509`.
fn certificate(folder: &Path, authority: &str, name: &str, subject: &str, names: &str, more: &str) {
    std::fs::write(
        folder.join(format!("{name}.ext")),
        format!("subjectAltName={names}\nbasicConstraints=CA:FALSE\n"),
    )
    .unwrap();
    openssl(
        folder,
        &format!("req -newkey rsa:2048 -nodes -subj /CN={subject} -keyout {name}.key -out {name}.csr"),
    );
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr -CA {authority}.crt -CAkey {authority}.key -CAcreateserial -extfile {name}.ext -out {name}.crt {more}"
        ),
    );
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("sb-tls-").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let pid = std::process::id();
        let address = format!("127.{}.{}.{}", 1 + (pid >> 16) % 250, (pid >> 8) & 255, 2 + (pid & 255) % 250);
        let at = folder.path();
        authority(at, "ours");
        authority(at, "theirs");
        let names = format!("DNS:db.example,IP:{address}");
        certificate(at, "ours", "server", "db.example", &names, "-days 30");
        certificate(at, "ours", "expired", "db.example", &names, "-days -1");
        certificate(at, "ours", "client", "papers", "DNS:papers", "-days 30");
        let hba = "local all all trust\nhostssl all papers all cert\nhostssl all secret all scram-sha-256\nhostnossl all picky all reject\nhost all all all trust\n";
        std::fs::write(at.join("hba.conf"), hba).unwrap();
        let owner = Command::new("id").args(["-u", "postgres"]).output().unwrap();
        let owner = String::from_utf8_lossy(&owner.stdout).trim().parse::<u32>().ok();
        for name in ["server.key", "expired.key", "hba.conf"] {
            let path = at.join(name);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
                std::os::unix::fs::chown(&path, owner, None).unwrap();
            }
        }
        let file = |name: &str| at.join(name).display().to_string();
        let settings = [
            ("listen_addresses", address.clone()),
            ("hba_file", file("hba.conf")),
            ("ssl", "on".to_owned()),
            ("ssl_ca_file", file("ours.crt")),
            ("ssl_cert_file", file("server.crt")),
            ("ssl_key_file", file("server.key")),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let options = ScratchOptions { settings, ..Default::default() };
        let scratch = Scratch::start(&options, &Cancel::never()).await.unwrap();
        let server = Self { scratch, folder, address };
        let admin = server.admin().await;
        admin
            .batch(
                "create role papers login; create role picky login; create role secret login password 'hush'",
            )
            .await
            .unwrap();
        server
    }

    async fn admin(&self) -> Session {
        Session::connect(&self.scratch.url("postgres"), "tests").await.unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Connects over TCP; says whether the session is encrypted.
    async fn connect(&self, role: &str, more: &str) -> Result<bool, Failure> {
        let root = |name: &str| self.file(name).display().to_string();
        let more = more.replace("@OURS", &root("ours.crt")).replace("@THEIRS", &root("theirs.crt"));
        let text = format!("postgresql://{role}@{}/postgres?{more}", self.address);
        let session = Session::connect(&DatabaseUrl::parse(&text).unwrap(), "tests").await?;
        let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
        Ok(session.one(sql, &[]).await.unwrap().get(0))
    }

    /// Refused, before any password was sent.
    async fn refuses(&self, more: &str, words: &str) {
        let failure = self.connect("secret:hush", more).await.unwrap_err();
        assert_eq!(failure.code, code::TLS, "{more}: {failure:?}");
        assert!(failure.message.contains(words), "{more}: {failure:?}");
        assert!(!failure.hints.is_empty() && !format!("{failure:?}").contains("hush"), "{failure:?}");
    }

    /// Changes a setting, and waits until new sessions have it.
    async fn set(&self, settings: &[(&str, &str)]) {
        let admin = self.admin().await;
        for (name, value) in settings {
            admin.batch(&format!("alter system set {name} = '{value}'")).await.unwrap();
        }
        admin.batch("select pg_reload_conf()").await.unwrap();
        let (name, value) = settings.last().unwrap();
        let start = Instant::now();
        while self.admin().await.one(&format!("show {name}"), &[]).await.unwrap().get::<_, String>(0)
            != *value
        {
            assert!(start.elapsed() < Duration::from_secs(20), "the server does not take {name}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn each_mode_means_what_it_means_to_libpq() {
    let server = Server::start().await;
    for (mode, encrypted) in [("disable", false), ("allow", false), ("prefer", true), ("require", true)] {
        assert_eq!(
            server.connect("postgres", &format!("sslmode={mode}")).await.unwrap(),
            encrypted,
            "{mode}"
        );
    }
    assert!(server.connect("postgres", "").await.unwrap(), "prefer is the default");
    assert!(server.connect("picky", "sslmode=allow").await.unwrap(), "the server insists");
    for more in [
        "sslmode=verify-ca&sslrootcert=@OURS",
        "sslmode=verify-full&sslrootcert=@OURS",
        "sslmode=require&sslrootcert=@OURS",
    ] {
        assert!(server.connect("postgres", more).await.unwrap(), "{more}");
    }
    // The right authority, another name.
    let other = format!("host=wrong.example&hostaddr={}", server.address);
    assert!(
        server.connect("postgres", &format!("{other}&sslmode=verify-ca&sslrootcert=@OURS")).await.unwrap()
    );
    server
        .refuses(
            &format!("{other}&sslmode=verify-full&sslrootcert=@OURS"),
            "not for the name `wrong.example`",
        )
        .await;
    let right = format!("host=db.example&hostaddr={}", server.address);
    assert!(
        server.connect("postgres", &format!("{right}&sslmode=verify-full&sslrootcert=@OURS")).await.unwrap()
    );
    for mode in ["require", "verify-ca", "verify-full"] {
        server
            .refuses(&format!("sslmode={mode}&sslrootcert=@THEIRS"), "is of no authority that is trusted")
            .await;
    }
    server.refuses("sslmode=verify-full", "needs the certificate of an authority").await;
    server.refuses("sslmode=verify-full&sslrootcert=/nowhere.pem", "/nowhere.pem").await;
    let failure = server.connect("postgres", "sslmode=secure").await.unwrap_err();
    assert_eq!(failure.code, code::URL_INVALID);
    let failure = server.connect("postgres", "sslmode=require&sslrootcert=system").await.unwrap_err();
    assert!(failure.message.contains("verify-full"), "{failure:?}");
}

#[tokio::test]
async fn certificates_of_ours_log_in_and_keys_are_private() {
    let server = Server::start().await;
    let (certificate, key) = (server.file("client.crt"), server.file("client.key"));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let papers = format!(
        "sslmode=verify-full&sslrootcert=@OURS&sslcert={}&sslkey={}",
        certificate.display(),
        key.display()
    );
    assert!(server.connect("papers", &papers).await.unwrap());
    let failure = server.connect("papers", "sslmode=require").await.unwrap_err();
    assert_eq!(failure.code, code::LOGIN_REFUSED, "{failure:?}");
    assert!(failure.hints[0].contains("sslcert"), "{failure:?}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let failure = server.connect("papers", &papers).await.unwrap_err();
    assert!(failure.hints[0].starts_with("chmod 600"), "{failure:?}");
}

#[tokio::test]
async fn a_password_is_bound_to_the_channel() {
    let server = Server::start().await;
    assert!(server.connect("secret:hush", "sslmode=require&channel_binding=require").await.unwrap());
    assert!(server.connect("secret:hush", "sslmode=disable&channel_binding=require").await.is_err());
    assert!(server.connect("secret:wrong", "sslmode=require").await.is_err());
}

#[tokio::test]
async fn an_expired_certificate_and_a_server_without_tls_are_refused() {
    let server = Server::start().await;
    let file = |name: &str| server.file(name).display().to_string();
    server.set(&[("ssl_key_file", &file("expired.key")), ("ssl_cert_file", &file("expired.crt"))]).await;
    server.refuses("sslmode=verify-full&sslrootcert=@OURS", "has expired").await;
    assert!(server.connect("postgres", "sslmode=require").await.unwrap(), "nobody asked");
    server.set(&[("ssl", "off")]).await;
    for mode in ["require", "verify-ca&sslrootcert=@OURS", "verify-full&sslrootcert=@OURS"] {
        server.refuses(&format!("sslmode={mode}"), "does not speak TLS").await;
    }
    assert!(!server.connect("postgres", "sslmode=prefer").await.unwrap());
}
