use super::*;

const GOOD: &str = r#"
[migrations]
tool = "alembic"

[environments.production]
database_url = "${DATABASE_URL}"
service = { manager = "process", command = ["serve", "--key", "${KEY}"] }

[environments.staging]
database_url = "${STAGING_URL}"
"#;

fn read(text: &str, environment: Option<&str>) -> Result<Config> {
    let variables = |name: &str| match name {
        "DATABASE_URL" => Some("postgresql://ada:hush@db/ada".to_owned()),
        "KEY" => Some("hush".to_owned()),
        _ => None,
    };
    Config::parse(text, Path::new("/srv/ada/switchback.toml"), environment, &variables)
}

#[test]
fn reads_one_environment_and_asks_only_for_its_variables() {
    let config = read(GOOD, Some("production")).unwrap();
    assert_eq!(config.database_url.database(), "ada");
    assert_eq!(config.maintenance_url.database(), "postgres");
    assert_eq!(config.migrations.directory, Path::new("/srv/ada/migrations"));
    assert_eq!(config.state, Path::new("/srv/ada/.switchback"));
}

#[test]
fn a_snapshot_holds_no_secret_and_reads_back() {
    let config = read(GOOD, Some("production")).unwrap();
    assert!(!config.snapshot.to_string().contains("hush"));
    let key = |name: &str| (name == "KEY").then(|| "hush".to_owned());
    let again = Config::from_snapshot(&config.snapshot, &config, &key).unwrap();
    assert_eq!(again.environment.service.unwrap().command, ["serve", "--key", "hush"]);
    assert_eq!((again.root, again.state), (config.root, config.state));
}

#[test]
fn an_unknown_key_is_named_with_line_and_nearest() {
    let text = GOOD.replace("tool =", "tol =");
    let failure = read(&text, Some("production")).unwrap_err();
    assert_eq!(failure.code, code::CONFIG_UNKNOWN_KEY);
    assert_eq!(failure.message, "/srv/ada/switchback.toml:3: unknown key `tol`");
    assert_eq!(failure.hints, ["did you mean `tool`?"]);
}

#[test]
fn a_key_deep_inside_is_named_too() {
    let text = GOOD.replace("command =", "comand =");
    let failure = read(&text, Some("production")).unwrap_err();
    assert_eq!(failure.message, "/srv/ada/switchback.toml:7: unknown key `comand`");
}

#[test]
fn an_unset_variable_is_named_with_its_key() {
    let failure = read(GOOD, Some("staging")).unwrap_err();
    assert_eq!(failure.code, code::VARIABLE_UNSET);
    assert!(
        failure.message.contains("STAGING_URL")
            && failure.message.contains("environments.staging.database_url")
    );
}

#[test]
fn environments_are_listed_when_none_fits() {
    for asked in [None, Some("prod")] {
        let failure = read(GOOD, asked).unwrap_err();
        assert_eq!(failure.code, code::ENVIRONMENT_UNKNOWN);
        assert!(failure.hints[0].contains("production, staging"));
    }
}

#[test]
fn a_wrong_value_is_shown_with_its_line() {
    let text = GOOD.replace("[environments.staging]", "[environments.staging]\nfence = \"wall\"");
    let failure = read(&text, Some("production")).unwrap_err();
    assert_eq!(failure.code, code::CONFIG_INVALID);
    assert!(
        failure.message.starts_with("/srv/ada/switchback.toml:10: unknown variant `wall`"),
        "{}",
        failure.message
    );
}

#[test]
fn a_line_that_is_shown_hides_its_value() {
    let text = GOOD.replace("\"${DATABASE_URL}\"", "\"postgresql://ada:hush@db/ada");
    let failure = read(&text, Some("production")).unwrap_err();
    assert!(failure.causes[0].ends_with("database_url = …"), "{:?}", failure.causes);
    assert!(!format!("{failure:?}").contains("hush"), "{failure:?}");
}

#[test]
fn values_of_variables_come_from_now_and_are_not_kept() {
    let text = GOOD.replace("tool = \"alembic\"", "tool = \"alembic\"\nenv = { TOKEN = \"hush\" }");
    let config = read(&text, Some("production")).unwrap();
    assert!(!config.snapshot.to_string().contains("hush"));
    assert_eq!(config.snapshot["migrations"]["env"]["TOKEN"], "***");
    let again = Config::from_snapshot(&config.snapshot, &config, &|_| Some(String::new())).unwrap();
    assert_eq!(again.migrations.env["TOKEN"], "hush");
}

#[test]
fn a_dollar_can_be_written() {
    let text = GOOD.replace("${KEY}", "$${KEY}");
    let config = read(&text, Some("production")).unwrap();
    assert_eq!(config.environment.service.unwrap().command[2], "${KEY}");
}

fn with_service(service: &str) -> Result<Config> {
    let line = "service = { manager = \"process\", command = [\"serve\", \"--key\", \"${KEY}\"] }";
    assert!(GOOD.contains(line));
    read(&GOOD.replace(line, service), Some("production"))
}

#[test]
fn keys_of_another_manager_are_refused_and_missing_ones_named() {
    let message = |service: &str| with_service(service).unwrap_err().message;
    for (service, what) in [
        ("service = { manager = \"systemd\" }", "manager = \"systemd\" needs `units`"),
        (
            "service = { manager = \"systemd\", units = [\"a\"], command = [\"a\"] }",
            "`command` belongs to manager = \"process\"",
        ),
        ("service = { manager = \"process\", units = [\"a\"] }", "`units` belongs to manager = \"systemd\""),
        (
            "service = { manager = \"command\", start = [\"a\"], stop = [\"b\"] }",
            "manager = \"command\" needs `state`",
        ),
        (
            "service = { manager = \"command\", start = [\"a\"], stop = [\"b\"], state = [\"c\"], block = [\"d\"] }",
            "`block` and `unblock` go together",
        ),
        ("logs = { }", "needs exactly one of `file` and `journal`"),
        ("logs = { file = \"a.log\", journal = \"ada-app\" }", "needs exactly one of `file` and `journal`"),
    ] {
        assert!(message(service).contains(what), "{service}: {}", message(service));
    }
    let systemd = with_service("service = { manager = \"systemd\", units = [\"ada-app\"] }").unwrap();
    assert_eq!(systemd.environment.service.unwrap().units, ["ada-app"]);
}

#[test]
fn a_smoke_test_is_for_the_environments_that_it_names() {
    let smoke = "\n[[smoke]]\nname = \"pay\"\ncommand = [\"true\"]\nenvironments = [\"staging\"]\n";
    let text = format!("{GOOD}{smoke}").replace("${STAGING_URL}", "postgresql:///ada");
    let names = |environment| {
        let config = read(&text, Some(environment)).unwrap();
        config.smoke.iter().map(|test| test.name.clone()).collect::<Vec<_>>()
    };
    assert!(!names("production").contains(&"pay".to_owned()));
    assert!(names("staging").contains(&"pay".to_owned()));
    let failure = read(&text.replace("[\"staging\"]", "[\"stagging\"]"), Some("production")).unwrap_err();
    assert_eq!(failure.code, code::CONFIG_INVALID);
    assert!(failure.message.contains("`stagging`"), "{failure}");
}
