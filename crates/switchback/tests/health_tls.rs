//! A health URL with TLS: an application behind its own authority is found well where the operating
//! system trusts that authority, and where it does not, or the name is another, it is not taken for well.
//!
//! What the operating system trusts is a file of its own for one process, by a mount that only that
//! process sees.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use switchback_testkit::{Host, Ran, Shape, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");
const TRUSTED: &str = "/etc/ssl/certs/ca-certificates.crt";
const SERVER: &str = "\
import http.server, ssl, sys
class Well(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', '2'); self.end_headers(); self.wfile.write(b'ok')
server = http.server.HTTPServer(('127.0.0.1', 0), Well)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + '.crt', sys.argv[1] + '.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
";

fn openssl(folder: &Path, words: &str) {
    let output = Command::new("openssl").current_dir(folder).args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "openssl {words}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Two authorities, and a certificate of `ours` for `localhost` alone.
fn certificates(folder: &Path) {
    for name in ["ours", "theirs"] {
        openssl(
            folder,
            &format!(
                "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN={name} -keyout {name}.key -out {name}.crt"
            ),
        );
    }
    std::fs::write(folder.join("app.ext"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    openssl(folder, "req -newkey rsa:2048 -nodes -subj /CN=app -keyout app.key -out app.csr");
    openssl(
        folder,
        "x509 -req -in app.csr -CA ours.crt -CAkey ours.key -CAcreateserial -extfile app.ext -days 30 -out app.crt",
    );
}

/// An application that answers 200 over TLS. It ends with the test.
struct Application(Child, u16);

impl Application {
    fn start(folder: &Path) -> Self {
        let mut python = Command::new("python3");
        python.current_dir(folder).args(["-c", SERVER, "app"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = python.spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self(child, port.trim().parse().unwrap())
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// `doctor` on a host that trusts this authority and no other.
fn doctor(host: &Host, authority: &str, url: &str) -> Ran {
    let text = std::fs::read_to_string(host.path("switchback.toml")).unwrap();
    let text = text.split("\n[environments.production.health]").next().unwrap().to_owned();
    host.write("switchback.toml", &format!("{text}\n[environments.production.health]\nurl = \"{url}\"\n"));
    let program = host.command(&["doctor"]);
    let mut command = Command::new("unshare");
    let script = format!("mount --bind '{}' {TRUSTED} && exec \"$@\"", host.path(authority).display());
    command.args(["--mount", "sh", "-c", &script, "sh"]).arg(program.get_program()).args(program.get_args());
    command.current_dir(program.get_current_dir().unwrap());
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

#[expect(clippy::print_stdout, reason = "a test that is left out says so")]
fn can_mount() -> bool {
    let can = Path::new(TRUSTED).is_file()
        && Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success());
    if !can {
        println!("left out: only root can change what one process finds in {TRUSTED}");
    }
    can
}

#[tokio::test]
async fn health_over_tls_is_well_only_with_the_right_authority_and_the_right_name() {
    if !can_mount() {
        return;
    }
    let bare = Shape { service: false, code: false, page: false, ..Shape::default() };
    let host = Host::new(cluster().await, PROGRAM, bare).await;
    certificates(&host.path(""));
    let application = Application::start(&host.path(""));
    let port = application.1;
    let well = format!("https://localhost:{port}/health answered 200");
    let ran = doctor(&host, "ours.crt", &format!("https://localhost:{port}/health"));
    assert!(ran.stdout.contains(&well), "{}\n{}", ran.stdout, ran.stderr);
    for (authority, name, why) in
        [("theirs.crt", "localhost", "UnknownIssuer"), ("ours.crt", "127.0.0.1", "not valid for name")]
    {
        let ran = doctor(&host, authority, &format!("https://{name}:{port}/health"));
        let line = ran.stdout.lines().find(|line| line.contains(&format!("https://{name}:{port}")));
        let line = line.unwrap_or_else(|| panic!("{}\n{}", ran.stdout, ran.stderr));
        assert!(line.contains(why), "{authority}, {name}: {line}\n{}", ran.stdout);
        assert!(!ran.stdout.contains("answered 200"), "{authority}, {name}\n{}", ran.stdout);
    }
}
