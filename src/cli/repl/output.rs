//! What goroutines print while an input is typed: whole lines go above the line that is being
//! edited, which the editor draws again.

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};

use rustyline::ExternalPrinter;

use crate::vm::session;

/// What the printing thread is told.
enum Word {
    /// An input is typed from here on.
    Typing,
    /// It has been typed; answers when all that was printed before is out.
    Typed(Sender<()>),
    Text(Vec<u8>),
}

/// See the module text.
pub struct Output(Sender<Word>);

impl Output {
    /// Starts the thread that owns the editor's printer. It has its own thread since the editor
    /// may take its time, and a goroutine must not wait for that.
    pub fn start(printer: impl ExternalPrinter + Send + 'static) -> Output {
        let (tx, rx) = channel();
        let to = tx.clone();
        session::set_printer(Box::new(move |text| {
            // The thread lives as long as the session.
            let _ = to.send(Word::Text(text.to_vec()));
        }));
        std::thread::spawn(move || serve(&rx, printer));
        Output(tx)
    }

    /// Says whether the editor is at work. After the end of an input nothing is under way.
    pub fn typing(&self, on: bool) {
        if on {
            let _ = self.0.send(Word::Typing);
            session::typing(true);
            return;
        }
        session::typing(false);
        let (tx, rx) = channel();
        if self.0.send(Word::Typed(tx)).is_ok() {
            let _ = rx.recv();
        }
    }
}

fn direct(text: &[u8]) {
    let mut out = std::io::stdout().lock();
    // Nothing can be done when standard output is gone.
    let _ = out.write_all(text);
    let _ = out.flush();
}

fn serve(words: &Receiver<Word>, mut printer: impl ExternalPrinter) {
    let mut typing = false;
    // The beginning of a line.
    let mut rest: Vec<u8> = Vec::new();
    for w in words {
        match w {
            Word::Typing => typing = true,
            Word::Typed(done) => {
                typing = false;
                direct(&std::mem::take(&mut rest));
                let _ = done.send(());
            }
            Word::Text(t) if !typing => direct(&t),
            Word::Text(t) => {
                rest.extend_from_slice(&t);
                let Some(end) = rest.iter().rposition(|c| *c == b'\n') else {
                    continue;
                };
                let tail = rest.split_off(end + 1);
                let lines = std::mem::replace(&mut rest, tail);
                let text = String::from_utf8_lossy(&lines).into_owned();
                if printer.print(text).is_err() {
                    direct(&lines);
                }
            }
        }
    }
}
