//! What an error reply says in words, where its code says nothing: some servers call a dead refresh token a "Bad Request".

/// Words by which a server says that something is of no use any more, or never was.
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

/// What may stand between a thing and what is said of it.
const BETWEEN: &[&str] = &["is", "was", "has", "been", "already", "either"];

/// With one of these behind it, a thing is not what the sentence is about.
const OF_THE_THING: &[&str] =
    &["type", "types", "endpoint", "request", "requests", "hint", "grant", "grants", "store", "format"];

/// Whether a sentence calls one of `things` dead: "invalid refresh token", "the refresh_token was already used". A dead word that only
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

/// By the word `before` it, or by those `after` it.
fn is_called_dead(before: &[&str], after: &[&str]) -> bool {
    if after.first().is_some_and(|next| OF_THE_THING.contains(next)) {
        return false;
    }
    let said: Vec<_> = after.iter().skip_while(|word| BETWEEN.contains(word)).copied().collect();
    let begins_with = |dead: &&str| said.starts_with(&dead.split(' ').collect::<Vec<_>>());
    before.last().is_some_and(|last| DEAD.contains(last)) || DEAD.iter().any(begins_with)
}
