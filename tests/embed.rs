//! gosub as a library: limits, cancellation, calls to the host, and hosts that survive.

use gosub::embed::{End, Outcome, Program, Runner, Value};
use std::time::Duration;

fn program(source: &str) -> Runner {
    Program::compile("guest.gosub", source)
        .unwrap_or_else(|e| panic!("{e}"))
        .runner()
}

fn ends(r: Runner, code: i32, stderr: &str) -> Outcome {
    let o = r.run().expect("it starts");
    assert_eq!(o.end, End::Exited(code), "{}", o.stderr_text());
    assert!(o.stderr_text().contains(stderr), "{}", o.stderr_text());
    o
}

#[test]
fn input_arguments_and_environment() {
    let r = program(
        "b, _ := io.ReadAll(os.Stdin)\nfmt.Println(os.Args, string(b), os.Getenv(\"A\"), len(os.Environ()))\nos.Exit(7)",
    );
    let o = ends(r.arg("x").input(b"in").env("A", "b"), 7, "");
    assert_eq!(o.stdout_text(), "[guest.gosub x] in b 1\n");
}

#[test]
fn the_host_survives_anything() {
    ends(program("panic(\"boom\")"), 2, "panic: boom");
    ends(program("<-make(chan int)"), 2, "all goroutines are asleep");
    let all = "var s [][]byte\nfor { s = append(s, make([]byte, 1<<20)) }";
    ends(program(all).max_memory(64 << 20), 2, "out of memory");
    let many = "for { go func() { select {} }() }";
    ends(program(many).max_goroutines(100), 2, "too many goroutines");
    ends(program("func f() { f() }\nf()"), 2, "stack overflow");
    let slow = program("for {}").timeout(Duration::from_millis(100));
    ends(slow, 2, "");
    let o = program("syscall.Kill(os.Getpid(), syscall.SIGKILL)").run();
    assert_eq!(o.expect("it starts").end, End::Killed(9));
    let o = program("for { fmt.Println(12345678) }").max_output(90);
    let running = o.start().expect("it starts");
    let cancel = running.canceller();
    std::thread::spawn(move || cancel.cancel());
    let o = running.wait().expect("it ends");
    assert_eq!(o.end, End::Cancelled);
    assert!(o.stdout.len() <= 90);
}

#[test]
fn a_sandbox_gives_errors() {
    let r = program(
        "_, a := os.ReadFile(\"/etc/passwd\")\n_, b := net.Dial(\"tcp\", \"localhost:1\")\n\
         c := exec.Command(\"/bin/true\").Run()\nfmt.Println(a != nil, b != nil, c != nil)",
    );
    let o = ends(r.no_files().no_net().no_exec(), 0, "");
    assert_eq!(o.stdout_text(), "true true true\n");
}

#[test]
fn programs_call_the_host() {
    let source = "\
sum, err := host.Call(\"sum\", 1, uint8(2), []int{3, 4})
fmt.Println(sum, err)
v, err := host.Call(\"echo\", nil, true, 1.5, \"s\", []byte{1}, []any{\"x\"})
fmt.Printf(\"%#v %v\\n\", v, err)
_, err = host.Call(\"fail\")
fmt.Println(err)
_, err = host.Call(\"none\")
fmt.Println(err)
_, err = host.Call(\"panics\")
fmt.Println(err)
_, err = host.Call(\"sum\", make(chan int))
fmt.Println(err)
var wg sync.WaitGroup
for i := range 20 { wg.Go(func() { host.Call(\"count\", i) }) }
wg.Wait()
n, _ := host.Call(\"count\", 0)
fmt.Println(n)
";
    fn sum(args: &[Value]) -> i64 {
        let one = |v: &Value| match v {
            Value::Int(n) => *n,
            Value::List(l) => sum(l),
            _ => 0,
        };
        args.iter().map(one).sum()
    }
    let mut count = 0;
    let r = program(source)
        .function("sum", |a| Ok(Value::Int(sum(a))))
        .function("echo", |a| Ok(Value::List(a.to_vec())))
        .function("fail", |_| Err("as told".into()))
        .function("panics", |_| panic!("a host function that panics"))
        .function("count", move |_| {
            count += 1;
            Ok(Value::Int(count))
        });
    let o = ends(r, 0, "");
    assert_eq!(
        o.stdout_text(),
        "10 <nil>\n\
         []interface {}{interface {}(nil), true, 1.5, \"s\", []uint8{0x1}, []interface {}{\"x\"}} <nil>\n\
         as told\nhost: no function none\nhost: function panics panicked\n\
         host: argument 1 of sum: a chan int cannot be sent\n21\n"
    );
}

#[test]
fn runs_go_on_beside_each_other() {
    let p = Program::compile("id.gosub", "v, _ := host.Call(\"id\")\nfmt.Print(v)").expect("fine");
    let ids: Vec<String> = std::thread::scope(|s| {
        let run = |i: i64| {
            let r = p.runner().function("id", move |_| Ok(Value::Int(i)));
            s.spawn(move || r.run().expect("it starts").stdout_text())
        };
        let all: Vec<_> = (0..8).map(run).collect();
        all.into_iter()
            .map(|t| t.join().expect("no panic"))
            .collect()
    });
    assert_eq!(ids.concat(), "01234567");
}

#[test]
fn errors_are_data() {
    let e = Program::compile("a.go", "package main\n\nfunc main() { x }\n").unwrap_err();
    assert_eq!(e.text, "a.go:3:15: undefined: x\n");
}

#[test]
fn what_is_no_program_is_not_compiled() {
    let e = Program::compile("lib.go", "package lib\n").unwrap_err();
    assert!(e.to_string().contains("package lib is not a main package"));
}
