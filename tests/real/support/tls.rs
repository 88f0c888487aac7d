//! A CA of a test's own, made by openssl, and a certificate of it for `localhost`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;

pub(crate) struct Tls {
    pub ca: PathBuf,
    pub key: PathBuf,
    pub cert: PathBuf,
}

pub(crate) fn make(folder: &Path) -> Tls {
    let server = "subjectAltName=DNS:localhost\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n";
    fs::write(folder.join("server.ext"), server).unwrap();

    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    let ca = "-keyout ca.key -out ca.pem -addext keyUsage=critical,keyCertSign";
    openssl(folder, &format!("req -x509 -days 2 -subj /CN=private-ca {key} {ca}"));
    openssl(folder, &format!("req -subj /CN=localhost {key} -keyout server.key -out server.csr"));
    let issuer = "-CA ca.pem -CAkey ca.key -CAcreateserial";
    openssl(folder, &format!("x509 -req -days 2 -in server.csr -out server.pem -extfile server.ext {issuer}"));
    Tls { ca: folder.join("ca.pem"), key: folder.join("server.key"), cert: folder.join("server.pem") }
}

fn openssl(folder: &Path, arguments: &str) {
    process::run(Command::new("openssl").current_dir(folder).args(arguments.split(' '))).exits(0);
}
