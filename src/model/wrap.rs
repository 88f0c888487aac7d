//! Text on lines that a window holds: broken between words, and never inside a command to copy.

/// No line of text is longer, however wide the window is: the eye loses the next line.
const WIDEST: usize = 100;

/// A head in front of a text stays there while it takes no more than this part of the line.
const PART: usize = 3;

/// Every line of `text` on lines of at most `width` columns. Below the first of them, the others are indented: by as much as
/// `error: ` is long, or as the line itself.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    let line = |line: &str| folded(line, label(line).min(width / 4), width);
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// A text behind its head. The lines below the first stand under it; where that would leave a narrow column, all of them stand below
/// the head.
pub(crate) fn entry(head: &str, text: &str, width: usize) -> String {
    let indent = head.chars().count();
    if indent.saturating_mul(PART) <= width {
        return folded(&format!("{head}{text}"), indent, width);
    }
    let head = head.trim_end();
    let below = head.len() - head.trim_start().len() + 2;
    let text = folded(&format!("{:below$}{text}", ""), below, width);
    if head.is_empty() { text } else { format!("{head}\n{text}") }
}

/// Words that say what kind of line this is.
const LABELS: [&str; 5] = ["error", "because", "hint", "note", "warning"];

/// Where the text of a line begins.
fn label(line: &str) -> usize {
    let indent = line.len() - line.trim_start_matches(' ').len();
    match line[indent..].split_once(": ") {
        Some((label, _)) if LABELS.contains(&label) => indent + label.len() + 2,
        _ => indent,
    }
}

/// One line as several, of which all but the first are indented.
fn folded(line: &str, indent: usize, width: usize) -> String {
    // Without a window nothing is broken.
    let width = if width == usize::MAX { width } else { width.min(WIDEST) };
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let (mut lines, mut length) = (String::with_capacity(line.len() + 16), 0);
    for (gap, word) in words(line) {
        let (gap_length, word_length) = (gap.chars().count(), word.chars().count());
        // What is too long for any line gets one of its own, which the terminal breaks.
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

/// Words, each with the spaces in front of it. A command between backquotes is one word: copied with a line break in it, a shell would
/// run its first half.
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
        // One without a second is a character like any other.
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
        assert_eq!(wrapped(text, 20), lines);
        assert_eq!(wrapped("hint: one two three four", 12), "hint: one\n   two three\n   four");
        assert_eq!(wrapped(text, usize::MAX), text);
        assert_eq!(wrapped("Passphrase of acme: ", 20), "Passphrase of acme: ");
        assert!(wrapped(&"word ".repeat(60), 200).lines().all(|line| line.len() <= WIDEST));
    }

    #[test]
    fn a_command_to_copy_is_never_broken() {
        let hint = "hint: run `acme auth login --context work`, or not; it's `a`b `c d";
        assert_eq!(
            wrapped(hint, 24),
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
