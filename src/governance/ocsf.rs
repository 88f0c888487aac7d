//! An event in the terms of OCSF.
