//! Filters for text from outside, before it reaches a terminal (law 12). Public for hosts that print this crate's messages, or their own
//! names and paths.

/// The maximum length of a quotation, in characters.
const MAX_QUOTE: usize = 200;

/// Returns a server's words, safe to print: without control characters and what reorders or hides text, cut to 200 characters.
///
/// RFC 6749 §5.2 allows only `%x20-21 / %x23-5B / %x5D-7E` in `error_description`; servers send more, so this is a
/// filter and not a refusal.
pub(crate) fn quoted(words: &str) -> String {
    let mut quote: String = words.chars().filter(|c| !is_hidden(*c)).take(MAX_QUOTE + 1).collect();
    if quote.chars().count() > MAX_QUOTE {
        quote = quote.chars().take(MAX_QUOTE - 1).collect();
        quote.push('…');
    }
    quote
}

/// Removes hidden characters from our own text, which may contain names from outside. Does not cut it.
pub(crate) fn without_hidden(mut text: String) -> String {
    text.retain(|c| !is_hidden(c));
    text
}

/// Quotes `word` for a shell, so that a copied command runs nothing else: POSIX sh, or PowerShell on Windows. Removes characters that a
/// terminal obeys.
///
/// ```
/// # if cfg!(unix) {
/// assert_eq!(hallpass::sanitize::shell_quoted("globex"), "globex");
/// assert_eq!(hallpass::sanitize::shell_quoted("x; reboot"), "'x; reboot'");
/// # }
/// ```
pub fn shell_quoted(word: &str) -> String {
    if !word.is_empty() && word.chars().all(needs_no_quotes) {
        return word.to_owned();
    }
    let quote = if cfg!(windows) { "''" } else { "'\\''" };
    format!("'{}'", without_hidden(word.to_owned()).replace('\'', quote))
}

/// Returns a command as a person types it: each word quoted if it needs that.
pub fn shell_line(argv: &[String]) -> String {
    argv.iter().map(|word| shell_quoted(word)).collect::<Vec<_>>().join(" ")
}

/// Removes what a terminal obeys, and what hides or reorders other text. Keeps line breaks.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !is_hidden(*c)).collect()
}

/// Converts the text to ASCII, for terminals that show nothing else: punctuation as it is typed, and `?` for other characters.
pub(crate) fn ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '…' => ascii.push_str("..."),
            '·' | '‐'..='―' => ascii.push('-'),
            '‘' | '’' => ascii.push('\''),
            '“' | '”' | '«' | '»' => ascii.push('"'),
            c => ascii.push(if c.is_ascii() { c } else { '?' }),
        }
    }
    ascii
}

/// Returns whether every character is visible or a space.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.chars().any(is_hidden)
}

/// Escapes everything outside printable ASCII in JSON without line breaks. The value stays the same, and a terminal obeys nothing in it.
pub fn ascii_json(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            ' '..='~' => ascii.push(c),
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| ascii.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    ascii
}

fn needs_no_quotes(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c) || (cfg!(windows) && c == '\\')
}

/// Controls, bidirectional overrides and isolates, zero-width characters, line separators, tag characters.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFC}' | '\u{13430}'..='\u{1345F}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_overrides_do_not_survive() {
        assert_eq!(quoted("\u{1b}[31mred\u{202e}evil\u{9b}2J\r\n"), "[31mredevil2J");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), 200);
        assert!(is_plain("Grüße, 世界"));
        assert!(!is_plain("a\u{200b}b"));
    }

    #[test]
    #[cfg(unix)]
    fn a_shell_reads_a_quoted_word_as_that_word() {
        for word in ["plain-1.x", "", "a b", "x`; touch /nowhere`", "it's $(id)", "\"\\$HOME!*?~#&|<>", "ünïcode"] {
            let script = format!("printf %s {}", shell_quoted(word));
            #[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test asks a real shell")]
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word, "{script}");
        }
        assert_eq!(shell_quoted("a\u{1b}[2Jb c"), "'a[2Jb c'");
    }

    #[test]
    fn json_in_ascii_is_the_same_value() {
        let value = serde_json::json!({"name": "Zoë 😀\u{9b}\u{202e}\u{7f}"});
        let ascii = ascii_json(&value.to_string());
        assert!(ascii.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{ascii}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&ascii).unwrap(), value);
    }
}
