//! [`Secret`]: a string that is wiped when it is dropped and that cannot be printed by accident.

use std::fmt;
use std::hint::black_box;

use zeroize::Zeroizing;

/// A token, a code, a key or a client secret.
///
/// It rests on the heap, so that moving it copies a pointer and not the text; it is wiped when dropped; it has no
/// `Display`, `Serialize`, `Deref` or `Clone`, and a constant `Debug`. [`expose`](Self::expose) is the only way out,
/// one word to search for in a review.
///
/// ```
/// let token = hallpass::Secret::new("at_51H".to_owned());
/// assert_eq!(format!("{token:?}"), "Secret(_)");
/// assert_eq!(token.expose(), "at_51H");
/// ```
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; the caller keeps no copy.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A second one of the same text, where an owner of its own is needed. A method and not `Clone`, so that it shows.
    pub(crate) fn copy(&self) -> Self {
        Self::new(self.expose().to_owned())
    }
}

/// Deeper than a trip goes before it comes to a secret, and a fraction of any thread's stack.
pub(crate) const STACK_OF_A_JOB: usize = 64 << 10;

/// Deeper than opening a record goes. What was never touched costs a page of memory to wipe.
pub(crate) const STACK_OF_A_RECORD: usize = 16 << 10;

/// Wipes `DEPTH` bytes of this thread's stack, where calls that have returned had theirs. Ciphers and others copy blocks of a secret
/// there, and a stack outlives its thread: the C library keeps it for the next one.
#[inline(never)]
pub(crate) fn wipe_stack<const DEPTH: usize>() {
    black_box([0_u8; DEPTH]);
}

/// Not in constant time: not for a comparison with what a stranger sent.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(_)")
    }
}
