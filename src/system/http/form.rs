//! `application/x-www-form-urlencoded`, the body of every request that is not a GET.

use bytes::Bytes;
use url::form_urlencoded;
use zeroize::Zeroizing;

/// A form, in a buffer that is wiped.
pub(crate) struct Form(Zeroizing<String>);

impl Form {
    pub(crate) fn new() -> Self {
        // Room for what forms hold, so that growing seldom leaves a copy behind.
        Self(Zeroizing::new(String::with_capacity(4096)))
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let needed = self.0.len() + name.len() + 3 * value.len() + 2;
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(String::with_capacity(2 * needed));
            larger.push_str(&self.0);
            self.0 = larger;
        }
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.extend(form_urlencoded::byte_serialize(value.as_bytes()));
        self
    }

    pub(crate) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Returns the encoded form, which may hold secrets.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_body(self) -> Bytes {
        Bytes::from_owner(self.0)
    }
}
