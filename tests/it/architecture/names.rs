//! Names of tests: short enough to be read, and those that the manual gives are there.

use std::path::{Path, PathBuf};

const LONGEST: usize = 60;

#[test]
fn no_test_name_is_longer_than_60_characters() {
    let tests = [tests_below("src", "crate"), tests_below("tests", "")].concat();
    // So that it cannot become a test of nothing.
    assert!(tests.len() > 600, "{}", tests.len());
    let is_long = |test: &&String| test.rsplit("::").next().is_some_and(|name| name.len() > LONGEST);
    let long: Vec<_> = tests.iter().filter(is_long).collect();
    assert!(long.is_empty(), "longer than {LONGEST} characters: {long:#?}");
}

#[test]
fn each_law_of_the_manual_names_tests_that_exist() {
    let tests = tests_below("tests", "");
    let manual = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/laws.rs"));
    let rows: Vec<Vec<&str>> = manual
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .map(|row| row.trim_end_matches('|').split(" | ").map(str::trim).collect())
        .filter(|cells: &Vec<&str>| cells[0].parse::<u32>().is_ok())
        .collect();
    // Every law that a comment of the source names has a row.
    for file in rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = read(&file);
        let numbers = text.match_indices("(law ").map(|(at, start)| &text[at + start.len()..]);
        for number in numbers.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap()) {
            assert!(rows.iter().any(|cells| cells[0] == number), "{}: law {number} has no row", file.display());
        }
    }
    for cells in rows {
        let [law, _, named] = cells[..] else { panic!("{cells:?}") };
        let named: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        assert!((1..=3).contains(&named.len()), "law {law}: {named:?}");
        for name in named {
            // Those of tests/it stand without the name of their binary.
            let is_there = tests.iter().any(|test| test == name || test.strip_prefix("it::") == Some(name));
            assert!(is_there, "law {law}: there is no test {name}");
        }
    }
}

/// As for the laws: a row of the manual names tests that exist, or none.
#[test]
fn the_table_of_risks_names_tests_that_exist() {
    let tests = tests_below("tests", "");
    let manual = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/governance.rs"));
    let rows: Vec<_> = manual.lines().filter(|line| line.starts_with("//! | NHI")).collect();
    assert_eq!(rows.len(), 10);
    for row in rows {
        let named = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in named.split('`').skip(1).step_by(2) {
            let is_there = tests.iter().any(|test| test == name || test.strip_prefix("it::") == Some(name));
            assert!(is_there, "there is no test {name}");
        }
    }
}

/// The tests in the files of a folder, each behind the path of its file, as the test harness has it.
fn tests_below(folder: &str, prefix: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut tests = Vec::new();
    for file in rust_files(&root) {
        let path = file.strip_prefix(&root).unwrap().with_extension("");
        let parts = path.iter().map(|part| part.to_str().unwrap()).filter(|part| *part != "mod");
        let module = Some(prefix).filter(|prefix| !prefix.is_empty()).into_iter().chain(parts).collect::<Vec<_>>();
        tests.extend(test_names(&read(&file)).into_iter().map(|name| format!("{}::{name}", module.join("::"))));
    }
    tests
}

/// The functions behind `#[test]`.
fn test_names(text: &str) -> Vec<String> {
    let mut is_test = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim_start) {
        is_test |= line == "#[test]";
        if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_test) {
            names.push(rest.split(['(', '<']).next().unwrap().to_owned());
            is_test = false;
        }
    }
    names
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        // Packages of other languages, which only some machines have.
        let is_ours = !entry.ends_with("node_modules") && !entry.ends_with(".venv") && !entry.ends_with("target");
        if entry.is_dir() && is_ours {
            files.extend(rust_files(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    files
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
