//! What an error reply says in words, if its code says nothing: some servers call a dead refresh token a "Bad Request".

/// Words that say that something is of no use any more, or never was.
const DEAD: &[&str] = &[
    "invalid",
    "invalidated",
    "expired",
    "revoked",
    "reused",
    "used",
    "consumed",
    "rotated",
    "spent",
    "inactive",
    "unknown",
    "not found",
    "not valid",
    "not active",
    "no longer valid",
    "no longer active",
    "does not exist",
    "doesn't exist",
];

/// Words between a thing and what is said of it.
const LINKING: &[&str] = &["is", "was", "has", "been", "already", "either"];

/// Words that make a thing a part of something else: a "refresh token type" is no refresh token.
const COMPOUND: &[&str] =
    &["type", "types", "endpoint", "request", "requests", "hint", "grant", "grants", "store", "format"];

/// Returns whether a sentence calls one of `things` dead: "invalid refresh token", "the refresh_token was already used". A dead word that only
/// stands near says nothing: "refresh token endpoint not found", "refresh token from an unknown address".
pub(crate) fn calls_dead(things: &[&str], sentence: &str) -> bool {
    let sentence = sentence.to_ascii_lowercase().replace(['_', '-'], " ").replace("refreshtoken", "refresh token");
    sentence.split([',', ';', '.', '(', ')']).any(|part| {
        let words = part.split(|c: char| !c.is_alphanumeric() && c != '\'').map(|word| word.trim_matches('\''));
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        things.iter().any(|thing| {
            let thing: Vec<_> = thing.split(' ').collect();
            let ends = (thing.len()..=words.len()).filter(|end| words[..*end].ends_with(&thing));
            ends.into_iter().any(|end| is_called_dead(&words[..end - thing.len()], &words[end..]))
        })
    })
}

/// Returns whether the word `before` a thing, or those `after` it, call it dead.
fn is_called_dead(before: &[&str], after: &[&str]) -> bool {
    if after.first().is_some_and(|next| COMPOUND.contains(next)) {
        return false;
    }
    let predicate: Vec<_> = after.iter().skip_while(|word| LINKING.contains(word)).copied().collect();
    let begins_with = |dead: &&str| predicate.starts_with(&dead.split(' ').collect::<Vec<_>>());
    before.last().is_some_and(|last| DEAD.contains(last)) || DEAD.iter().any(begins_with)
}
