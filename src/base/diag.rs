//! Diagnostics as data. Rendering (short, human, JSON) is in `render.rs`.

use super::span::Span;

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
    /// Stable code, e.g. `UnusedVar`; empty for syntax errors.
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
    /// The code as people see it: syntax errors share one.
    pub fn shown_code(&self) -> &'static str {
        if self.code.is_empty() {
            "Syntax"
        } else {
            self.code
        }
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
