//! What goroutines print while an input is typed: whole lines go above the line that is being
//! edited, which the editor draws again.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use rustyline::ExternalPrinter;

use crate::vm::session;

/// What the printing thread is told.
enum Word {
    Text(Vec<u8>),
    /// The input has been typed; answers when all that was printed before is out.
    Typed(SyncSender<()>),
}

/// How many texts may wait for the editor; more go straight to the terminal.
const WAITING: usize = 4096;
/// How long the end of an input waits for what is being printed.
const PATIENCE: Duration = Duration::from_millis(50);

/// See the module text.
pub struct Output(SyncSender<Word>);

impl Output {
    /// Starts the thread that owns the editor's printer. The editor may take its time, and
    /// neither a goroutine nor the session must wait for that: nobody waits for a place.
    pub fn start(printer: impl ExternalPrinter + Send + 'static) -> Output {
        let (tx, rx) = sync_channel(WAITING);
        let to = tx.clone();
        session::set_printer(Box::new(move |text| {
            to.try_send(Word::Text(text.to_vec())).is_ok()
        }));
        std::thread::spawn(move || serve(&rx, printer));
        Output(tx)
    }

    /// Says whether the editor is at work. After the end of an input nothing is under way,
    /// but for what the editor did not get to: that appears with the next prompt.
    pub fn typing(&self, on: bool) {
        session::set_typing(on);
        if on {
            return;
        }
        let (tx, rx) = sync_channel(1);
        if self.0.try_send(Word::Typed(tx)).is_ok() {
            // The thread may itself be waiting for the editor to take a line.
            let _ = rx.recv_timeout(PATIENCE);
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
    // The beginning of a line.
    let mut rest: Vec<u8> = Vec::new();
    for w in words {
        match w {
            Word::Typed(done) => {
                direct(&std::mem::take(&mut rest));
                let _ = done.try_send(());
            }
            Word::Text(t) => {
                rest.extend_from_slice(&t);
                if !session::is_typing() {
                    direct(&std::mem::take(&mut rest));
                    continue;
                }
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
