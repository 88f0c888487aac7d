//! [`Missing`]: what of a login is gone.

/// A part of a login that is gone. Only a new login helps, or what brings the part back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The sealed record, which has the tokens.
    Record,
    /// The key, without which the record does not open.
    Key,
}

impl Missing {
    /// Returns the name in JSON output, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Key => "key",
        }
    }
}
