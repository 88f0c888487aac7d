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
    /// Takes ownership of the text; the caller keeps no copy.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Returns the text itself. The caller is responsible for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Copies the secret for another owner. A method and not `Clone`, so that a reader notices it.
    pub(crate) fn copy(&self) -> Self {
        Self::new(self.expose().to_owned())
    }
}

/// More stack than a job uses above the calls that handle secrets, and a fraction of any thread's stack.
pub(crate) const STACK_OF_A_JOB: usize = 64 << 10;

/// More stack than opening a record uses. Wiping stack that was never used would cost pages of memory.
pub(crate) const STACK_OF_A_RECORD: usize = 16 << 10;

/// Wipes `DEPTH` bytes of this thread's stack, which calls that have returned may have used. Ciphers and other code copy blocks of a secret
/// there, and a stack outlives its thread: the C library keeps it for the next thread.
#[inline(never)]
pub(crate) fn wipe_stack<const DEPTH: usize>() {
    black_box([0_u8; DEPTH]);
}

/// Not in constant time: do not compare with what a stranger sent.
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
