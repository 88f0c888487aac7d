//! A person who is asked for a passphrase, and a configuration with one key store.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hallpass::Config;
use hallpass::custody::{Custody, KeyStoreName};
use hallpass::prompt::passphrase::{AskPassphrase, Purpose, Question};
use hallpass::secret::Secret;

use super::rig::Rig;

/// The configuration of the rig, with keys in one place; the passphrase is known.
pub(crate) fn at(rig: &Rig, place: KeyStoreName) -> Config {
    let mut config = rig.config();
    config.custody.choice = Custody::Only(vec![place]);
    config.custody.passphrase = Some(Says::always("correct horse battery"));
    config
}

/// A person who gives one answer after the other, and the last one from then on.
#[derive(Debug)]
pub(crate) struct Says {
    answers: Vec<Result<String, io::ErrorKind>>,
    asked: AtomicUsize,
    purposes: Mutex<Vec<Purpose>>,
}

impl Says {
    pub(crate) fn always(passphrase: &str) -> Arc<Self> {
        Self::these(&[Ok(passphrase)])
    }

    pub(crate) fn these(answers: &[Result<&str, io::ErrorKind>]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.map(str::to_owned)).collect();
        Arc::new(Self { answers, asked: AtomicUsize::new(0), purposes: Mutex::default() })
    }

    pub(crate) fn purposes(&self) -> Vec<Purpose> {
        self.purposes.lock().unwrap().clone()
    }
}

impl AskPassphrase for Says {
    fn ask(&self, question: &Question) -> io::Result<Secret> {
        assert_eq!(question.app.as_str(), "acme");
        self.purposes.lock().unwrap().push(question.purpose);
        let nth = self.asked.fetch_add(1, Ordering::Relaxed).min(self.answers.len() - 1);
        self.answers[nth].clone().map(Secret::new).map_err(io::Error::from)
    }
}
