pub(crate) mod acme;
pub(crate) mod keys;
pub(crate) mod printed;
pub(crate) mod rig;
