//! What a process holds in its memory, seen by another one: through /proc, or in the core that the kernel writes.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use url::form_urlencoded::byte_serialize;

use crate::machine::eventually;
use crate::process::Running;

/// So much of a secret, in bytes, is a find: what is freed first loses its beginning to the allocator's own notes, and a cipher
/// lays a key out in halves.
const MIN_SECRET_PIECE: usize = 16;

/// How much of what stands around a copy is looked at, to tell what it is a part of.
const AROUND: usize = 500;

/// Mappings that are the kernel's, and cannot be read through /proc.
const KERNELS: [&str; 3] = ["[vvar]", "[vvar_vclock]", "[vsyscall]"];

pub(crate) struct ProcessMemory(Vec<Vec<u8>>);

/// A secret, as it may lie in memory.
pub(crate) struct Needle(Vec<Form>);

/// One way to write a secret; its variants differ in some letters and share others.
struct Form {
    name: &'static str,
    variants: Vec<Vec<u8>>,
}

/// One copy of a secret, or of a piece of it.
pub(crate) struct Copy {
    form: &'static str,
    /// What stands around it, unprintable bytes as dots.
    before: String,
    after: String,
}

impl ProcessMemory {
    /// Of a process that stands still, once the threads of its last job are gone: every mapping that it can read.
    pub(crate) fn of(running: &Running) -> ProcessMemory {
        let folder = format!("/proc/{}", running.child.id());
        eventually("the end of the job", || {
            let threads = fs::read_dir(format!("{folder}/task")).unwrap().flatten();
            let mut names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
            !names.any(|name| ["hallpass-", "tokio-"].iter().any(|prefix| name.starts_with(prefix)))
        });
        let mut memory = File::open(format!("{folder}/mem")).unwrap();
        let maps = fs::read_to_string(format!("{folder}/maps")).unwrap();
        let mut mappings = Vec::new();
        for line in maps.lines() {
            // "start-end rwxp offset device inode name": proc_pid_maps(5).
            let mut words = line.split_ascii_whitespace();
            let (range, permissions) = (words.next().unwrap(), words.next().unwrap());
            let name = words.nth(3).unwrap_or_default();
            if !permissions.starts_with('r') || KERNELS.contains(&name) {
                continue;
            }
            let (start, end) = range.split_once('-').unwrap();
            let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
            let mut bytes = vec![0; (end - start) as usize];
            memory.seek(SeekFrom::Start(start)).unwrap();
            match memory.read_exact(&mut bytes) {
                Ok(()) => mappings.push(bytes),
                // Threads of the D-Bus crate end when they like: what they had is unmapped then, and so it is nobody's memory.
                Err(error) => {
                    let is_gone = !fs::read_to_string(format!("{folder}/maps")).unwrap().contains(range);
                    assert!(is_gone, "{line}: {error}");
                }
            }
        }
        ProcessMemory(mappings)
    }

    /// Of a process that works in `folder`, which is empty, and dies of this. `None` where the kernel hands cores to a program,
    /// or may write none.
    pub(crate) fn of_core(running: Running, folder: &Path) -> Option<ProcessMemory> {
        let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
        let Rlimit { maximum, .. } = getrlimit(Resource::Core);
        if pattern.contains(['|', '/']) || maximum == Some(0) {
            return None;
        }
        let pid = Pid::from_child(&running.child);
        prlimit(Some(pid), Resource::Core, Rlimit { current: maximum, maximum }).unwrap();
        kill_process(pid, Signal::ABORT).unwrap();
        let run = running.finish();
        assert_eq!(run.code, None, "{run}");
        let core = fs::read_dir(folder).unwrap().next().expect("a core").unwrap();
        Some(ProcessMemory(vec![fs::read(core.path()).unwrap()]))
    }

    /// Every copy of each of these secrets.
    pub(crate) fn copies<'n>(&self, needles: impl IntoIterator<Item = &'n Needle>) -> Vec<Vec<Copy>> {
        let needles: Vec<&Needle> = needles.into_iter().collect();
        let mut places: HashMap<&[u8], Vec<(&[u8], usize)>> = HashMap::new();
        let forms = needles.iter().flat_map(|needle| &needle.0);
        places.extend(forms.flat_map(Form::pieces).map(|piece| (piece, Vec::new())));
        // A hundred million bytes are asked, so that most are told apart by two.
        let mut begins = vec![false; 1 << 16];
        let beginning = |bytes: &[u8]| usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
        places.keys().for_each(|piece| begins[beginning(piece)] = true);
        for mapping in &self.0 {
            for (at, bytes) in mapping.windows(MIN_SECRET_PIECE).enumerate() {
                if begins[beginning(bytes)]
                    && let Some(places) = places.get_mut(bytes)
                {
                    places.push((mapping, at));
                }
            }
        }
        let copies = |form: &Form| {
            // What is left of a copy need not be the same piece of each.
            let most = form.pieces().map(|piece| &places[piece]).max_by_key(|places| places.len());
            most.into_iter().flatten().map(|(mapping, at)| Copy::at(mapping, *at, form.name)).collect::<Vec<_>>()
        };
        needles.iter().map(|needle| needle.0.iter().flat_map(copies).collect()).collect()
    }

    /// The bytes themselves, mapping by mapping.
    pub(crate) fn mappings(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }
}

impl Copy {
    fn at(mapping: &[u8], at: usize, form: &'static str) -> Copy {
        let text = |bytes: &[u8]| -> String {
            let letter = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
            bytes.iter().map(letter).collect()
        };
        let (before, after) = (at.saturating_sub(AROUND)..at, at..mapping.len().min(at + AROUND));
        Copy { form, before: text(&mapping[before]), after: text(&mapping[after]) }
    }

    /// What it is a part of, as far as that can still be told.
    pub(crate) fn is_in(&self) -> &'static str {
        let stands = |before: &[&str], after: &[&str]| {
            before.iter().any(|word| self.before.contains(word)) || after.iter().any(|word| self.after.contains(word))
        };
        match () {
            () if stands(&[], &["\"received_at\"", "\"token_type\":\"bearer\""]) => "a record",
            // The server's spelling, of which a part may have been written over; in a record of ours no refresh token stands in the clear.
            () if stands(
                &["\"access_token\":\"", "\"refresh_token\":\""],
                &["\",\"expires_in\":", "\",\"scope\":", "\"token_type\":\"Bearer\""],
            ) =>
            {
                "a reply"
            }
            () if stands(&["authorization: "], &["content-type: "]) => "a request's head",
            () if stands(&["grant_type="], &[]) => "a form",
            () => "nothing",
        }
    }
}

impl fmt::Debug for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = (self.before.len().saturating_sub(90), self.after.len().min(90));
        write!(f, "{} |{}|{}|", self.form, &self.before[before..], &self.after[..after])
    }
}

impl Needle {
    pub(crate) fn text(text: &str) -> Needle {
        let plain = vec![text.into(), byte_serialize(text.as_bytes()).collect::<String>().into()];
        let utf_16 = vec![text.encode_utf16().flat_map(u16::to_le_bytes).collect()];
        let mut forms = vec![Form { name: "text", variants: plain }, Form { name: "UTF-16", variants: utf_16 }];
        forms.extend(base64(text.as_bytes()));
        Needle(forms)
    }

    /// A key, of which the base64 is the text that rests in custody.
    pub(crate) fn key(bytes: &[u8]) -> Needle {
        Needle(base64(bytes).chain([Form { name: "bytes", variants: vec![bytes.to_vec()] }]).collect())
    }
}

impl Form {
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.variants.iter().flat_map(|text| {
            let starts =
                (0..=text.len() - MIN_SECRET_PIECE).step_by(MIN_SECRET_PIECE).chain([text.len() - MIN_SECRET_PIECE]);
            starts.map(|start| &text[start..start + MIN_SECRET_PIECE])
        })
    }
}

/// As it looks within the base64 of something longer: after a multiple of three bytes, and one and two bytes further on.
fn base64(bytes: &[u8]) -> impl Iterator<Item = Form> {
    (0..3).map(|shift| {
        let longer = [&[0; 2][..shift], bytes].concat();
        // Without the letters that hold some of what stands beside it.
        let own = (shift * 8).div_ceil(6)..longer.len() * 8 / 6;
        let variants = [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|engine| engine.encode(&longer)[own.clone()].into());
        Form { name: "base64", variants: variants.into() }
    })
}
