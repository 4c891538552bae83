//! gosub as a library: run Go programs from a Rust program.
//!
//! ```
//! use gosub::embed::{Program, Value};
//!
//! let program = Program::compile("greet.gosub", r#"
//!     name, err := host.Call("name", 1)
//!     fmt.Println("hello,", name, err)
//! "#).expect("it compiles");
//!
//! let out = program
//!     .runner()
//!     .function("name", |args| match args {
//!         [Value::Int(1)] => Ok(Value::from("world")),
//!         _ => Err("who?".into()),
//!     })
//!     .no_net().no_files().no_exec()
//!     .max_memory(512 << 20)
//!     .max_goroutines(1000)
//!     .timeout(std::time::Duration::from_secs(30))
//!     .run()
//!     .expect("it starts");
//! assert_eq!(out.stdout_text(), "hello, world <nil>\n");
//! assert!(out.success());
//!
//! // Errors are data, too.
//! let wrong = Program::compile("wrong.gosub", "fmt.Println(x)").unwrap_err();
//! assert_eq!(wrong.to_string(), "wrong.gosub:1:13: undefined: x\n");
//! ```
//!
//! A running program can be cancelled from another thread:
//!
//! ```
//! use gosub::embed::{End, Program};
//!
//! let program = Program::compile("loop.gosub", "for {}").expect("it compiles");
//! let running = program.runner().start().expect("it starts");
//! let cancel = running.canceller();
//! std::thread::spawn(move || cancel.cancel());
//! assert_eq!(running.wait().expect("it ends").end, End::Cancelled);
//! ```
//!
//! Each run is a process of its own: the host's executable started once more, which a hook
//! of this library turns into the program before the host's `main` begins. So any number of
//! runs go on beside each other, limits are exact, and whatever a program does (running out
//! of memory, a deadlock, `os.Exit`, a kill) ends only that program. Programs call the host
//! by `host.Call` of package `gosub/host`; calls of one run come one after another, on a
//! thread of their own. Only Linux is supported.

mod child;
mod value;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use child::NATIVES;
pub use value::Value;

/// How much of each output stream is kept unless the runner says otherwise.
const OUTPUT: usize = 64 << 20;
/// How long a program that has passed its time may take to say so.
const GRACE: Duration = Duration::from_secs(2);

/// What a host function gets and gives.
type Function = Box<dyn FnMut(&[Value]) -> Result<Value, String> + Send>;

/// A program that compiles.
#[derive(Clone, Debug)]
pub struct Program {
    name: String,
    source: String,
}

/// What is wrong with a source, one `file:line:col: message` a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    pub text: String,
}

impl std::fmt::Display for CompileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
impl std::error::Error for CompileError {}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit code: 0, what `os.Exit` said, 2 for panics, fatal errors and limits.
    Exited(i32),
    /// By a canceller, or because it was out of time and did not react.
    Cancelled,
    /// By a signal.
    Killed(i32),
}

/// What a run left.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub end: End,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Outcome {
    /// It ended with exit code 0.
    pub fn success(&self) -> bool {
        self.end == End::Exited(0)
    }
    /// Its standard output as text.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
    /// Its standard error as text.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl Program {
    /// Checks a source: a script, or a file of package `main`. `name` is for messages.
    pub fn compile(name: &str, source: &str) -> Result<Program, CompileError> {
        let p = Program {
            name: name.into(),
            source: source.into(),
        };
        let mut r = p.runner();
        r.mode = "check";
        match r.run() {
            Ok(o) if o.success() => Ok(p),
            Ok(o) => Err(CompileError {
                text: o.stderr_text(),
            }),
            Err(e) => Err(CompileError {
                text: format!("cannot start the compiler: {e}\n"),
            }),
        }
    }

    /// Prepares a run.
    pub fn runner(&self) -> Runner {
        Runner {
            mode: "run",
            program: self.clone(),
            flags: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
            input: Vec::new(),
            output: OUTPUT,
            timeout: None,
            functions: HashMap::new(),
        }
    }
}

/// A run to be: arguments, host functions, limits.
pub struct Runner {
    mode: &'static str,
    program: Program,
    flags: Vec<String>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    input: Vec<u8>,
    output: usize,
    timeout: Option<Duration>,
    functions: HashMap<String, Function>,
}

impl Runner {
    fn flag(mut self, f: String) -> Runner {
        self.flags.push(f);
        self
    }
    /// Adds an argument (`os.Args[1]` and so on).
    pub fn arg(mut self, a: &str) -> Runner {
        self.args.push(a.into());
        self
    }
    /// Sets a variable of the environment, which is empty otherwise.
    pub fn env(mut self, name: &str, value: &str) -> Runner {
        self.env.push((name.into(), value.into()));
        self
    }
    /// What the program finds on its standard input.
    pub fn input(mut self, bytes: &[u8]) -> Runner {
        self.input = bytes.to_vec();
        self
    }
    /// Lets the program call `f` as `host.Call(name, ...)`.
    pub fn function(
        mut self,
        name: &str,
        f: impl FnMut(&[Value]) -> Result<Value, String> + Send + 'static,
    ) -> Runner {
        self.functions.insert(name.into(), Box::new(f));
        self
    }
    /// The program dies when it uses more memory.
    pub fn max_memory(self, bytes: u64) -> Runner {
        self.flag(format!("--max-memory={bytes}"))
    }
    /// The program dies when it has more goroutines.
    pub fn max_goroutines(self, n: usize) -> Runner {
        self.flag(format!("--max-goroutines={n}"))
    }
    /// The program dies after this time.
    pub fn timeout(mut self, d: Duration) -> Runner {
        self.timeout = Some(d);
        self.flag(format!("--timeout={}", d.as_secs_f64()))
    }
    /// Network operations fail with `fs.ErrPermission`.
    pub fn no_net(self) -> Runner {
        self.flag("--no-net".into())
    }
    /// File operations fail with `fs.ErrPermission`.
    pub fn no_files(self) -> Runner {
        self.flag("--no-fs".into())
    }
    /// Only what is below this folder may be read, nothing written.
    pub fn read_only(self, dir: &str) -> Runner {
        self.flag(format!("--read={dir}"))
    }
    /// Starting processes fails with `fs.ErrPermission`.
    pub fn no_exec(self) -> Runner {
        self.flag("--no-exec".into())
    }
    /// Runs under the race detector.
    pub fn race(self) -> Runner {
        self.flag("-race".into())
    }
    /// Keeps at most this many bytes of each output stream; the rest is dropped.
    pub fn max_output(mut self, bytes: usize) -> Runner {
        self.output = bytes;
        self
    }

    /// Runs the program to its end.
    pub fn run(self) -> std::io::Result<Outcome> {
        self.start()?.wait()
    }

    /// Starts the program.
    pub fn start(self) -> std::io::Result<Running> {
        child::present();
        let (mine, theirs) = UnixStream::pair()?;
        let theirs = OwnedFd::from(theirs);
        let mut c = Command::new("/proc/self/exe");
        c.env_clear()
            .env(child::VARIABLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .arg0("gosub");
        if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
            c.env("LD_LIBRARY_PATH", path);
        }
        child::keep(&mut c, theirs.as_raw_fd());
        let mut p = c.spawn()?;
        drop(theirs);

        let list = |v: &[String]| Value::List(v.iter().map(|s| Value::from(s.as_str())).collect());
        let env: Vec<String> = self
            .env
            .iter()
            .flat_map(|e| [e.0.clone(), e.1.clone()])
            .collect();
        let job = Value::List(vec![
            Value::from(self.mode),
            Value::from(self.program.name.as_str()),
            Value::from(self.program.source.as_str()),
            list(&self.flags),
            list(&self.args),
            list(&env),
        ]);
        // Should it be gone already, its end will say why.
        let _ = value::send(&mut &mine, &job);
        let (stdin, out, err) = (p.stdin.take(), p.stdout.take(), p.stderr.take());
        let input = self.input;
        std::thread::spawn(move || stdin.map(|mut s| s.write_all(&input)));
        let most = self.output;
        let out = std::thread::spawn(move || out.map_or(Vec::new(), |s| keep(s, most)));
        let err = std::thread::spawn(move || err.map_or(Vec::new(), |s| keep(s, most)));
        let functions = self.functions;
        std::thread::spawn(move || serve(&mine, functions));
        Ok(Running {
            process: Arc::new(Mutex::new(Process {
                child: p,
                cancelled: false,
                over: false,
            })),
            deadline: self.timeout.map(|d| Instant::now() + d + GRACE),
            out,
            err,
        })
    }
}

/// Reads a stream to its end, keeping the first `most` bytes.
fn keep(mut s: impl Read, most: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buf = [0; 1 << 16];
    while let Ok(n @ 1..) = s.read(&mut buf) {
        let room = most - kept.len();
        kept.extend_from_slice(&buf[..n.min(room)]);
    }
    kept
}

/// Answers the program's calls until it ends.
fn serve(s: &UnixStream, mut functions: HashMap<String, Function>) {
    while let Ok(Value::List(call)) = value::receive(&mut &*s) {
        let result = match call.split_first() {
            Some((Value::Str(name), args)) => match functions.get_mut(name) {
                None => Err(format!("host: no function {name}")),
                Some(f) => {
                    // A function that panics fails, and is not called in its broken state.
                    let run = std::panic::AssertUnwindSafe(|| f(args));
                    std::panic::catch_unwind(run).unwrap_or_else(|_| {
                        functions.remove(name);
                        Err(format!("host: function {name} panicked"))
                    })
                }
            },
            _ => Err("host: not a call".into()),
        };
        let reply = match result {
            Ok(v) => vec![v],
            Err(e) => vec![Value::Nil, Value::Str(e)],
        };
        if value::send(&mut &*s, &Value::List(reply)).is_err() {
            return;
        }
    }
}

struct Process {
    child: Child,
    cancelled: bool,
    over: bool,
}

fn lock(p: &Mutex<Process>) -> MutexGuard<'_, Process> {
    p.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program that has been started.
pub struct Running {
    process: Arc<Mutex<Process>>,
    deadline: Option<Instant>,
    out: std::thread::JoinHandle<Vec<u8>>,
    err: std::thread::JoinHandle<Vec<u8>>,
}

/// Ends a run, from any thread.
#[derive(Clone)]
pub struct Canceller(Arc<Mutex<Process>>);

impl Canceller {
    /// Ends the run now. What it has printed is kept.
    pub fn cancel(&self) {
        let mut p = lock(&self.0);
        if !p.over {
            p.cancelled = true;
            // It may have ended by itself.
            let _ = p.child.kill();
        }
    }
}

impl Running {
    /// What ends it early.
    pub fn canceller(&self) -> Canceller {
        Canceller(self.process.clone())
    }

    /// Waits for its end.
    pub fn wait(self) -> std::io::Result<Outcome> {
        let mut pause = Duration::from_micros(200);
        let (status, cancelled) = loop {
            {
                let mut p = lock(&self.process);
                if let Some(s) = p.child.try_wait()? {
                    p.over = true;
                    break (s, p.cancelled);
                }
            }
            if self.deadline.is_some_and(|d| Instant::now() > d) {
                self.canceller().cancel();
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        };
        let end = match (status.code(), status.signal()) {
            (Some(c), _) => End::Exited(c),
            (None, Some(_)) if cancelled => End::Cancelled,
            (None, s) => End::Killed(s.unwrap_or(0)),
        };
        Ok(Outcome {
            end,
            stdout: self.out.join().unwrap_or_default(),
            stderr: self.err.join().unwrap_or_default(),
        })
    }
}
