//! Layout of whole files.
