//! How `net` reads the system's files about names, without looking at this machine's: the
//! library's own text becomes a part of a program that gives it files.

use std::path::Path;
use std::process::Command;

/// What the text needs of the rest of the package.
const REST: &str = r##"
package main

import (
	"net"
	"net/netip"
)

type (
	IP      = net.IP
	IPAddr  = net.IPAddr
	UDPAddr = net.UDPAddr
)

var DialUDP = net.DialUDP

func addrParts(a net.Addr) (ip IP, port int, zone string) {
	u := a.(*UDPAddr)
	return u.IP, u.Port, u.Zone
}

func literal(s string) ([]IPAddr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return nil, false
	}
	return []IPAddr{{net.IP(a.AsSlice()), a.Zone()}}, true
}

func JoinHostPort(host, port string) string { return net.JoinHostPort(host, port) }
"##;

/// Runs `body` in `main` beside the library's text and returns what it prints.
fn run(name: &str, imports: &str, body: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = |name: &str| {
        let text = std::fs::read_to_string(root.join("stdlib").join(name)).expect("it is there");
        text.replacen("package net", "package main", 1)
    };
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&dir).expect("writable");
    let file = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("writable");
    file("go.mod", "module names\n\ngo 1.27\n");
    file("rest.go", REST);
    file("conf.go", &library("net+dnsconf.gosub"));
    file("sort.go", &library("net+dnssort.gosub"));
    file(
        "main.go",
        &format!("package main\n\nimport (\n{imports})\n\nfunc main() {{\n{body}}}\n"),
    );
    let out = Command::new(env!("CARGO_BIN_EXE_gosub"))
        .args(["run", "."])
        .current_dir(&dir)
        .output()
        .expect("the binary starts");
    let (text, errors) = (out.stdout, String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{errors}");
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn resolv_conf() {
    let body = r##"
	show := func(text, host string) {
		c := readResolvConf(text, host)
		fmt.Println(c.servers, c.search, c.dots, c.timeout, c.attempts, c.rotate, c.oneByOne, c.stream, c.trust)
	}
	show("", "box")
	show("", "box.corp.example")
	show("", "box.")
	show("nameserver 192.0.2.1\r\n  nameserver\t2001:db8::1 # not reached\nnameserver fe80::1%eth0\nnameserver 192.0.2.4", "")
	show("#nameserver 192.0.2.1\n;nameserver 192.0.2.1\nnameserver localhost\nnameserver 192.0.2.9;x\nnameserver\n\n\n", "")
	show("domain a.example\nsearch b.example c.example. .\n", "x.y")
	show("search b.example\ndomain a.example\ndomain", "x.y")
	show("options ndots:3 timeout:7 attempts:4 rotate single-request use-vc trust-ad edns0 unknown:1\n", "")
	show("options ndots:99 timeout:0 attempts:-1\noptions single-request-reopen tcp\nnonsense", "")
	show("options ndots: timeout:99999999999999999999 attempts:x ndots\n", "")

	c := readResolvConf("search one.test two.test x.onion\noptions ndots:2", "")
	for _, name := range []string{"a", "a.b", "a.b.c", "a.", "a.onion", "a.ONION.", strings.Repeat("abcdefg.", 31), strings.Repeat("abcdefg.", 32)} {
		list := c.candidates(name)
		if len(name) > 100 {
			fmt.Println(len(list))
		} else {
			fmt.Println(name, list)
		}
	}
	long := strings.Repeat("abcdefg.", 31)
	fmt.Println(len(c.candidates(long[:len(long)-1])))
"##;
    let want = "\
[127.0.0.1:53 [::1]:53] [] 1 5s 2 false false false false
[127.0.0.1:53 [::1]:53] [corp.example.] 1 5s 2 false false false false
[127.0.0.1:53 [::1]:53] [] 1 5s 2 false false false false
[192.0.2.1:53 [2001:db8::1]:53 [fe80::1%eth0]:53] [] 1 5s 2 false false false false
[127.0.0.1:53 [::1]:53] [] 1 5s 2 false false false false
[127.0.0.1:53 [::1]:53] [b.example. c.example.] 1 5s 2 false false false false
[127.0.0.1:53 [::1]:53] [a.example.] 1 5s 2 false false false false
[127.0.0.1:53 [::1]:53] [] 3 7s 4 true true true true
[127.0.0.1:53 [::1]:53] [] 15 1s 1 false true true false
[127.0.0.1:53 [::1]:53] [] 0 291h16m16s 1 false false false false
a [a.one.test. a.two.test. a.]
a.b [a.b.one.test. a.b.two.test. a.b.]
a.b.c [a.b.c. a.b.c.one.test. a.b.c.two.test.]
a. [a.]
a.onion [a.onion.one.test. a.onion.two.test.]
a.ONION. []
1
0
1
";
    assert_eq!(run("resolv", "\t\"fmt\"\n\t\"strings\"\n", body), want);
}

#[test]
fn hosts() {
    let body = r##"
	t := readHosts("# comment\n127.0.0.1 localhost\n::1\tlocalhost ip6-localhost # x\n" +
		"192.0.2.7  Abc.Example.com alias#glued\n\n192.0.2.8 abc.example.com.\r\nfe80::1%eth0 scoped\n" +
		"not an address\n192.0.2.9\n192.0.2.010 octal\n2001:DB8:0::1 upper\n192.0.2.9 alias")
	for _, name := range []string{"localhost", "LocalHost", "localhost.", "ip6-localhost", "abc.example.com", "ABC.example.com.",
		"alias", "glued", "scoped", "an", "octal", "upper", ""} {
		addrs, first := t.host(name)
		fmt.Printf("%s: %s %s\n", name, strings.Join(addrs, " "), first)
	}
	for _, addr := range []string{"127.0.0.1", "::1", "0:0::1", "192.0.2.7", "192.0.2.8", "fe80::1%eth0", "fe80::1", "2001:db8::1", "192.0.2.9", "x"} {
		fmt.Printf("%s: %s\n", addr, strings.Join(t.namesOf(addr), " "))
	}
	addrs, _ := readHosts("").host("localhost")
	fmt.Println(len(addrs))
"##;
    let want = "\
localhost: 127.0.0.1 ::1 localhost
LocalHost: 127.0.0.1 ::1 localhost
localhost.:  
ip6-localhost: ::1 localhost
abc.example.com: 192.0.2.7 192.0.2.8 abc.example.com.
ABC.example.com.: 192.0.2.7 192.0.2.8 abc.example.com.
alias: 192.0.2.7 192.0.2.9 abc.example.com.
glued:  
scoped: fe80::1%eth0 scoped
an:  
octal:  
upper: 2001:db8::1 upper
:  
127.0.0.1: localhost
::1: localhost ip6-localhost
0:0::1: localhost ip6-localhost
192.0.2.7: Abc.Example.com. alias
192.0.2.8: abc.example.com.
fe80::1%eth0: scoped
fe80::1: 
2001:db8::1: upper
192.0.2.9: alias
x: 
0
";
    assert_eq!(run("hosts", "\t\"fmt\"\n\t\"strings\"\n", body), want);
}

#[test]
fn nsswitch_conf() {
    let body = r##"
	names := []string{"files dns", "dns files", "files", "dns"}
	for _, text := range []string{"", "hosts: files dns", "passwd: files\nhosts:\tdns files # x", "hosts: files", "hosts: dns",
		"hosts: files mdns4_minimal [NOTFOUND=return] dns myhostname", "hosts: resolve [!UNAVAIL=return files] dns",
		"#hosts: dns\n hosts : files[SUCCESS=return]", "hosts: mymachines", "hosts: files myhostname", "hosts: resolve files", "hosts: mdns files dns", "hosts", "hostsx: dns", "hosts: [dns"} {
		fmt.Println(names[readOrder(text)])
	}
"##;
    let want = "files dns\nfiles dns\ndns files\nfiles\ndns\nfiles dns\ndns\nfiles\ndns\n\
                files dns\ndns files\nfiles dns\nfiles dns\nfiles dns\nfiles dns\n";
    assert_eq!(run("nsswitch", "\t\"fmt\"\n", body), want);
}

/// The examples of RFC 6724, section 10.2, and what has no source address.
#[test]
fn best_addresses_first() {
    let body = r##"
	sorted := func(pairs ...string) {
		var ranks []addrRank
		for i := 0; i < len(pairs); i += 2 {
			a := net.ParseIP(pairs[i])
			k := addrRank{addr: IPAddr{IP: a}, scope: scopeOf(a)}
			k.precedence, k.label = policyOf(a)
			if pairs[i+1] != "" {
				k.source = net.ParseIP(pairs[i+1])
				k.fromScope = scopeOf(k.source)
				_, k.fromLabel = policyOf(k.source)
			}
			ranks = append(ranks, k)
		}
		slices.SortStableFunc(ranks, compareRanks)
		for _, k := range ranks {
			fmt.Print(k.addr.IP, " ")
		}
		fmt.Println()
	}
	sorted("198.51.100.121", "169.254.13.78", "2001:db8:1::1", "2001:db8:1::2")
	sorted("2001:db8:1::1", "fe80::1", "198.51.100.121", "198.51.100.117")
	sorted("10.1.2.3", "10.1.2.4", "2001:db8:1::1", "2001:db8:1::2")
	sorted("2001:db8:1::1", "2001:db8:1::2", "fe80::1", "fe80::2")
	sorted("2001:db8:3ffe::1", "2001:db8:3f44::2", "2001:db8:1::1", "2001:db8:1::2")
	sorted("2001:db8:1::1", "2002:c633:6401::2", "2002:c633:6401::1", "2002:c633:6401::2")
	sorted("192.0.2.9", "192.0.2.200", "192.0.2.8", "192.0.2.8")
	sorted("2001:db8:1::1", "", "192.0.2.9", "192.0.2.200", "::1", "")
"##;
    let want = "\
2001:db8:1::1 198.51.100.121 \n198.51.100.121 2001:db8:1::1 \n2001:db8:1::1 10.1.2.3 \n\
fe80::1 2001:db8:1::1 \n2001:db8:1::1 2001:db8:3ffe::1 \n2002:c633:6401::1 2001:db8:1::1 \n\
192.0.2.9 192.0.2.8 \n192.0.2.9 2001:db8:1::1 ::1 \n";
    assert_eq!(
        run("order", "\t\"fmt\"\n\t\"net\"\n\t\"slices\"\n", body),
        want
    );
}

#[test]
fn a_sandbox_without_files_still_looks_names_up() {
    let program = "\
r := &net.Resolver{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New(\"asked\") }}
_, err := r.LookupMX(context.Background(), \"x.test.\")
fmt.Println(strings.HasSuffix(fmt.Sprint(err), \": asked\"), errors.Is(err, fs.ErrPermission))
_, err = r.LookupAddr(context.Background(), \"192.0.2.1\")
fmt.Println(err)
";
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shut_names.gosub");
    std::fs::write(&path, program).expect("writable");
    let run = |flag: &str| {
        let mut cmd = Command::new(env!("CARGO_BIN_EXE_gosub"));
        let out = cmd
            .arg(flag)
            .arg(&path)
            .output()
            .expect("the binary starts");
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    assert!(run("--no-fs").starts_with("true false\n"));
    assert_eq!(
        run("--no-net"),
        "false true\nlookup 192.0.2.1: operation not permitted\n"
    );
}
