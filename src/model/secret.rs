//! [`Secret`]: a string that is wiped when it is dropped and that cannot be printed by accident.

use std::fmt;
use std::hint::black_box;

use zeroize::{Zeroize, Zeroizing};

/// A token, a code, a key or a client secret.
///
/// It rests on the heap, so that moving it copies a pointer and not the text; it is wiped when dropped; it has no
/// `Display`, `Serialize`, `Deref` or `Clone`, and a constant `Debug`. [`expose`](Self::expose) is the only way out,
/// one word to search for in a review.
///
/// ```
/// let token = hallpass::secret::Secret::new("at_51H".to_owned());
/// assert_eq!(format!("{token:?}"), "Secret(_)");
/// assert_eq!(token.expose(), "at_51H");
/// ```
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of the text; the caller keeps no copy.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Converts bytes to a secret, or wipes them if they are no text.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        String::from_utf8(bytes).map(Self::new).map_err(|error| error.into_bytes().zeroize()).ok()
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

/// The shortest piece of a secret that counts as the secret, in bytes. English words that a secret has too are shorter.
const MIN_SECRET_PIECE: usize = 12;

/// Returns whether `text` has a piece of `secret` in it, from wherever: some servers quote the end of a token only, and a text may have
/// been cut.
pub(crate) fn has_piece_of(secret: &str, text: &str) -> bool {
    let length = MIN_SECRET_PIECE.min(secret.len());
    length > 0 && text.as_bytes().windows(length).any(|piece| secret.as_bytes().windows(length).any(|own| own == piece))
}

/// More stack than a job uses above the calls that handle secrets, and a fraction of any thread's stack.
pub(crate) const STACK_OF_A_JOB: usize = 64 << 10;

/// More stack than opening a record uses. Wiping stack that was never used would cost pages of memory.
pub(crate) const STACK_OF_A_RECORD: usize = 16 << 10;

/// More stack than it takes to make a header of a token, or to read one. The processor's wide registers are saved there.
pub(crate) const STACK_OF_A_HEADER: usize = 8 << 10;

/// Wipes `DEPTH` bytes of this thread's stack, which calls that have returned may have used. Ciphers and other code copy blocks of a secret
/// there, and a stack outlives its thread: the C library keeps it for the next thread.
#[inline(never)]
pub(crate) fn wipe_stack<const DEPTH: usize>() {
    black_box([0_u8; DEPTH]);
    // The C library copies through wide registers, and a core dump has these too: zeros take the place of what they hold.
    let (zeros, mut copy) = (black_box([0_u8; 256]), [0_u8; 256]);
    for length in [32, 64, 128, 256].map(black_box) {
        copy[..length].copy_from_slice(&zeros[..length]);
        black_box(&mut copy);
    }
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
