//! Completion of fields and values, as a shell asks for it.

use crate::lab::{Lab, text};

/// What bash would put in place of its last word.
fn replies(lab: &Lab, line: &str) -> Vec<String> {
    // Words as bash cuts them; within quotes it does not.
    let quoted = line.contains('\'');
    let (dir, dam) = (env!("CARGO_BIN_EXE_dam").rsplit_once('/').unwrap().0, "dam");
    let script = format!(
        r#"PATH="{dir}:$PATH"; source <({dam} completions bash)
        COMP_LINE=$1; COMP_POINT=${{#COMP_LINE}}
        if [[ $2 == true ]]; then read -ra COMP_WORDS <<<"$1"; else read -ra COMP_WORDS <<<"${{1//=/ = }}"; fi
        [[ "$1" == *[[:space:]] ]] && COMP_WORDS+=("")
        COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        complete -p dam >&2
        _dam_queries dam "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
        printf '%s\n' "${{COMPREPLY[@]}}""#
    );
    let mut bash = std::process::Command::new("bash");
    bash.args(["--norc", "-c", &script, "bash", line, if quoted { "true" } else { "false" }]);
    let out = lab.at_home(bash).output().unwrap();
    assert!(text(&out.stderr).contains("-F _dam_queries"), "{}", text(&out.stderr));
    text(&out.stdout).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_fields_values_tags_and_options() {
    let lab = Lab::with_two();
    lab.ok(&["set", "library/luna/city.png", "persona=mira", "tag=sea.beach"]);
    lab.ok(&["tag", "add", "red dress", "library/luna/city.png"]);
    assert_eq!(replies(&lab, "dam find per"), ["persona="]);
    assert_eq!(replies(&lab, "dam find persona="), ["luna", "mira"]);
    assert_eq!(replies(&lab, "dam find persona=lu"), ["luna"]);
    assert_eq!(replies(&lab, "dam find persona=luna,not.per"), ["luna,not.persona="]);
    assert_eq!(replies(&lab, "dam find persona=luna+m"), ["luna+mira"]);
    assert_eq!(replies(&lab, "dam find 'persona=luna,tag=se"), ["'persona=luna,tag=sea.beach"]);
    assert_eq!(replies(&lab, "dam tag add se"), ["sea.beach"]);
    assert_eq!(replies(&lab, "dam set library/luna/city.png rating=s"), ["safe", "suggestive"]);
    assert!(replies(&lab, "dam find --so").contains(&"--sort".to_owned()), "options are completed as before");
    assert!(replies(&lab, "dam find personna=lu").is_empty());
}

#[test]
fn a_member_is_told_the_values_that_he_may_list() {
    let lab = Lab::with_two();
    lab.ok(&["set", "library/luna/city.png", "persona=mira", "client=acme"]);
    let ask = |begun: &str| lab.ok(&["__complete", "--", "dam", "find", begun]);
    assert_eq!(ask("persona="), "persona=luna\npersona=mira\n");
    // Nobody else has a user id to ask with here: the one who asks is shut into a scope.
    lab.ok(&["member", "add", "zora", "--uid", "4242", "--role", "admin"]);
    let me = lab.json(&["member", "list"])["members"][0]["name"].as_str().unwrap().to_owned();
    lab.ok(&["member", "set", &me, "--role", "editor", "--scope", "client=acme"]);
    assert_eq!(ask("persona="), "persona=mira\n");
    assert_eq!(ask("status.inst"), "status.instagram=\n");
}
