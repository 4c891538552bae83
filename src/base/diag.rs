//! Diagnostics as data. Rendering (short, human, JSON) is in `render.rs`.

use super::span::{Pos, Span};

/// The code of all syntax errors.
pub const SYNTAX: &str = "Syntax";

/// How bad it is. Only errors stop a program from running.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// A further place that matters, with a word about it.
#[derive(Clone, Debug)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One message about the source, worded as Go words it.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable code, e.g. `UnusedVar`.
    pub code: &'static str,
    pub span: Span,
    /// Go's text. May hold several lines (`\n\t` continues as in Go).
    pub message: String,
    /// Shown only in the human format.
    pub labels: Vec<Label>,
    pub notes: Vec<String>,
}

impl Diagnostic {
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            span,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
        }
    }
    /// A syntax error; `message` comes after "syntax error: ".
    pub fn syntax(pos: Pos, message: &str) -> Diagnostic {
        Diagnostic::error(SYNTAX, Span::at(pos), format!("syntax error: {message}"))
    }
    /// Whether the text is so wrong that its meaning is not looked at.
    pub fn is_syntax(&self) -> bool {
        self.code == SYNTAX
    }
    pub fn with_label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label {
            span,
            text: text.into(),
        });
        self
    }
    pub fn with_note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }
}
