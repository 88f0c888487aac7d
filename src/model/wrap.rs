//! Line breaking: between words, and never inside a command to copy.

/// The maximum length of a line, however wide the window is: in longer lines the eye loses the next line.
const MAX_WIDTH: usize = 100;

/// A head stands in front of its text if it takes no more than this part of the line, a third.
const HEAD_PART: usize = 3;

/// Breaks every line of `text` into lines of at most `width` columns. All but the first of them are indented: to the end of a label such as
/// `error: `, or as the line itself.
pub(crate) fn wrap(text: &str, width: usize) -> String {
    let lines = text.split('\n').map(|line| wrap_line(line, text_column(line).min(width / 4), width));
    lines.collect::<Vec<_>>().join("\n")
}

/// Puts a text behind its head, with its lines aligned. If that would leave a narrow column, all lines stand below the head.
pub(crate) fn entry(head: &str, text: &str, width: usize) -> String {
    let indent = head.chars().count();
    if indent.saturating_mul(HEAD_PART) <= width {
        return wrap_line(&format!("{head}{text}"), indent, width);
    }
    let head = head.trim_end();
    let below = head.len() - head.trim_start().len() + 2;
    let text = wrap_line(&format!("{:below$}{text}", ""), below, width);
    if head.is_empty() { text } else { format!("{head}\n{text}") }
}

/// Words that say what kind a line is.
const LABELS: [&str; 5] = ["error", "because", "hint", "note", "warning"];

/// Returns the column in which the text of a line begins.
fn text_column(line: &str) -> usize {
    let indent = line.len() - line.trim_start_matches(' ').len();
    match line[indent..].split_once(": ") {
        Some((label, _)) if LABELS.contains(&label) => indent + label.len() + 2,
        _ => indent,
    }
}

/// Breaks one line into several, and indents all but the first.
fn wrap_line(line: &str, indent: usize, width: usize) -> String {
    // Without a window nothing is broken.
    let width = if width == usize::MAX { width } else { width.min(MAX_WIDTH) };
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let (mut lines, mut length) = (String::with_capacity(line.len() + 16), 0);
    for (gap, word) in words(line) {
        let (gap_length, word_length) = (gap.chars().count(), word.chars().count());
        // A word that is too long for any line gets its own, which the terminal breaks.
        if length + gap_length + word_length > width && length > indent {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            length = indent;
        } else {
            lines.push_str(gap);
            length += gap_length;
        }
        lines.push_str(word);
        length += word_length;
    }
    lines
}

/// Splits a line into words, each with the spaces in front of it. A command between backquotes is one word: if it were copied with a line
/// break in it, a shell would run its first half.
fn words(line: &str) -> Vec<(&str, &str)> {
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let gap = rest.len() - rest.trim_start_matches(' ').len();
        let end = end_of_word(&rest[gap..]) + gap;
        words.push((&rest[..gap], &rest[gap..end]));
        rest = &rest[end..];
    }
    words
}

fn end_of_word(text: &str) -> usize {
    let mut at = 0;
    while let Some(found) = text[at..].find([' ', '`']).map(|found| found + at) {
        if text[found..].starts_with(' ') {
            return found;
        }
        // A backquote without a second one is an ordinary character.
        at = text[found + 1..].find('`').map_or(found + 1, |closing| found + closing + 2);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_below_their_label() {
        let text = "error: the file cannot be read\n  because: permission denied\nnothing more";
        let lines = "error: the file\n     cannot be read\n  because:\n     permission\n     denied\nnothing more";
        assert_eq!(wrap(text, 20), lines);
        assert_eq!(wrap("hint: one two three four", 12), "hint: one\n   two three\n   four");
        assert_eq!(wrap(text, usize::MAX), text);
        assert_eq!(wrap("Passphrase of acme: ", 20), "Passphrase of acme: ");
        assert!(wrap(&"word ".repeat(60), 200).lines().all(|line| line.len() <= MAX_WIDTH));
    }

    #[test]
    fn a_command_to_copy_is_never_broken() {
        let hint = "hint: run `acme auth login --context work`, or not; it's `a`b `c d";
        assert_eq!(
            wrap(hint, 24),
            "hint: run\n      `acme auth login --context work`,\n      or not; it's `a`b\n      `c d"
        );
        assert_eq!(words("a  `b c`, `d").iter().map(|(_, word)| *word).collect::<Vec<_>>(), ["a", "`b c`,", "`d"]);
    }

    #[test]
    fn an_entry_stands_beside_its_head_or_below_it() {
        assert_eq!(entry("Key in  ", "a place of keys", 24), "Key in  a place of keys");
        assert_eq!(entry("Key in  ", "a place for many keys", 24), "Key in  a place for many\n        keys");
        assert_eq!(entry("Key in  ", "a place for many keys", 20), "Key in\n  a place for many\n  keys");
        assert_eq!(entry("  Key in  ", "a place for keys", 18), "  Key in\n    a place for\n    keys");
        assert_eq!(entry("        ", "hint: run it", 20), "  hint: run it");
        assert_eq!(entry("Key in  ", "a place", usize::MAX), "Key in  a place");
    }
}
