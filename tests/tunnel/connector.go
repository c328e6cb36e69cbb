// SPDX-License-Identifier: GPL-2.0-or-later

// A Cloud Connector of the tests' own: protocol chisel-v3 as described, on Go's own SSH and a
// well-known WebSocket. It shares no code with the gateway.
//
//	connector [-token T] [-ca FILE] [-n N] [-no-reconnect] URL R:PORT:HOST:PORT[/udp]...
//
// -n N makes N tunnels, of which number i (from 0) adds i times -step to each port.
package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/crypto/ssh"
)

type remote struct {
	LocalHost, LocalPort, LocalProto    string
	RemoteHost, RemotePort, RemoteProto string
	Socks, Reverse, Stdio               bool
}

type config struct {
	Version string
	Remotes []remote
}

type udpPacket struct {
	Src     string
	Payload []byte
}

var (
	token       = flag.String("token", "", "the secure gateway's token")
	ca          = flag.String("ca", "", "PEM file of the CA")
	tunnels     = flag.Int("n", 1, "tunnels")
	step        = flag.Int("step", 0, "added to each port, per tunnel")
	localHost   = flag.String("listen-host", "0.0.0.0", "LocalHost of each remote")
	noReconnect = flag.Bool("no-reconnect", false, "end with the first tunnel that breaks")
	fragment    = flag.Int("fragment", 0, "send WebSocket messages in fragments of this many bytes")
	keepalive   = flag.Duration("keepalive", 25*time.Second, "between pings")
	fingerprint = flag.String("fingerprint", "", "of the gateway's key")
	cipher      = flag.String("cipher", "", "the only cipher to offer")
	rekey       = flag.Uint64("rekey", 0, "bytes between key exchanges")
	kex         = flag.String("kex", "", "the only key exchange to offer")
)

// wsConn makes one stream of the binary messages.
type wsConn struct {
	*websocket.Conn
	rest []byte
}

func (c *wsConn) Read(b []byte) (int, error) {
	for len(c.rest) == 0 {
		kind, message, err := c.ReadMessage()
		if err != nil {
			return 0, err
		}
		if kind != websocket.BinaryMessage {
			return 0, fmt.Errorf("message of kind %d", kind)
		}
		c.rest = message
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *wsConn) Write(b []byte) (int, error) {
	if *fragment == 0 {
		return len(b), c.WriteMessage(websocket.BinaryMessage, b)
	}
	w, err := c.NextWriter(websocket.BinaryMessage)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(b); err != nil {
		return 0, err
	}
	return len(b), w.Close()
}

func (c *wsConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func parse(text string, add int) remote {
	proto := "tcp"
	if strings.HasSuffix(text, "/udp") {
		proto = "udp"
		text = strings.TrimSuffix(text, "/udp")
	}
	parts := strings.Split(text, ":")
	if len(parts) != 4 || parts[0] != "R" {
		log.Fatalf("%s: expected R:PORT:HOST:PORT", text)
	}
	port, err := strconv.Atoi(parts[1])
	if err != nil {
		log.Fatal(err)
	}
	return remote{LocalHost: *localHost, LocalPort: strconv.Itoa(port + add), LocalProto: proto,
		RemoteHost: parts[2], RemotePort: parts[3], RemoteProto: proto, Reverse: true}
}

func checkKey(_ string, _ net.Addr, key ssh.PublicKey) error {
	sum := sha256.Sum256(key.Marshal())
	got := base64.StdEncoding.EncodeToString(sum[:])
	if *fingerprint != "" && got != *fingerprint {
		return fmt.Errorf("fingerprint %s", got)
	}
	if key.Type() != ssh.KeyAlgoECDSA256 {
		return fmt.Errorf("host key %s", key.Type())
	}
	return nil
}

// serveUDP carries datagrams between one channel and a socket per source.
func serveUDP(ch ssh.Channel, target string) {
	defer ch.Close()
	in, out := gob.NewDecoder(ch), gob.NewEncoder(ch)
	var lock sync.Mutex
	sockets := map[string]net.Conn{}
	for {
		var p udpPacket
		if err := in.Decode(&p); err != nil {
			return
		}
		conn := sockets[p.Src]
		if conn == nil {
			var err error
			if conn, err = net.Dial("udp", target); err != nil {
				return
			}
			sockets[p.Src] = conn
			go func(src string) {
				b := make([]byte, 9012)
				for {
					n, err := conn.Read(b)
					if err != nil {
						return
					}
					lock.Lock()
					out.Encode(udpPacket{src, b[:n]})
					lock.Unlock()
				}
			}(p.Src)
		}
		if _, err := conn.Write(p.Payload); err != nil {
			return // as the real one: the target's port is closed, and so is the channel
		}
	}
}

func serveTCP(ch ssh.Channel, target string) {
	conn, err := net.Dial("tcp", target)
	if err != nil {
		ch.Close()
		return
	}
	// The end of either direction ends both, as in the real one.
	var once sync.Once
	end := func() {
		ch.Close()
		conn.Close()
	}
	go func() {
		io.Copy(ch, conn)
		once.Do(end)
	}()
	io.Copy(conn, ch)
	once.Do(end)
}

func serveChannels(chans <-chan ssh.NewChannel) {
	for c := range chans {
		if c.ChannelType() != "chisel" {
			c.Reject(ssh.UnknownChannelType, "expected chisel")
			continue
		}
		target := string(c.ExtraData())
		ch, reqs, err := c.Accept()
		if err != nil {
			continue
		}
		go ssh.DiscardRequests(reqs)
		if strings.HasSuffix(target, "/udp") {
			go serveUDP(ch, strings.TrimSuffix(target, "/udp"))
		} else {
			go serveTCP(ch, target)
		}
	}
}

func ping(conn ssh.Conn) {
	for range time.Tick(*keepalive) {
		answered := make(chan error, 1)
		go func() {
			ok, reply, err := conn.SendRequest("ping", true, nil)
			if err == nil && (!ok || string(reply) != "pong") {
				err = fmt.Errorf("ping: %v %q", ok, reply)
			}
			answered <- err
		}()
		select {
		case err := <-answered:
			if err != nil {
				conn.Close()
				return
			}
		case <-time.After(2 * time.Second):
			log.Print("ping: no answer within 2 s")
			conn.Close()
			return
		}
	}
}

// visit is the plain GET that version 2 sends first, without the token.
func visit(client *http.Client, address string) string {
	client.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	answer, err := client.Get(address)
	if err != nil {
		log.Print(err)
		return address
	}
	answer.Body.Close()
	if answer.StatusCode == http.StatusFound {
		return answer.Header.Get("Location")
	}
	if answer.StatusCode >= 300 && answer.StatusCode < 400 {
		log.Fatalf("redirect %d", answer.StatusCode)
	}
	return address
}

func run(address string, remotes []string, add int) error {
	tlsConfig := &tls.Config{}
	if *ca != "" {
		pem, err := os.ReadFile(*ca)
		if err != nil {
			log.Fatal(err)
		}
		tlsConfig.RootCAs = x509.NewCertPool()
		tlsConfig.RootCAs.AppendCertsFromPEM(pem)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig, DisableKeepAlives: true}}
	address = visit(client, address)
	c := config{Version: "2.0.0"}
	ports := []string{}
	for _, r := range remotes {
		parsed := parse(r, add)
		c.Remotes = append(c.Remotes, parsed)
		ports = append(ports, parsed.LocalPort)
	}
	id, _ := rand.Int(rand.Reader, big.NewInt(900000000))
	u, err := url.Parse(address)
	if err != nil {
		log.Fatal(err)
	}
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	u.RawQuery = fmt.Sprintf("id=%d&ports=%s", id.Int64()+100000000, strings.Join(ports, ","))
	dialer := websocket.Dialer{TLSClientConfig: tlsConfig, Subprotocols: []string{"chisel-v3"},
		HandshakeTimeout: 45 * time.Second, WriteBufferSize: *fragment}
	header := http.Header{}
	if *token != "" {
		header.Set("Token", *token)
	}
	ws, answer, err := dialer.Dial(u.String(), header)
	if err != nil {
		if answer != nil {
			return fmt.Errorf("%w: %s", err, answer.Status)
		}
		return err
	}
	defer ws.Close()
	settings := &ssh.ClientConfig{User: "", Auth: []ssh.AuthMethod{ssh.Password("")},
		ClientVersion: "SSH-chisel-v3-client", HostKeyCallback: checkKey, Timeout: 30 * time.Second}
	if *cipher != "" {
		settings.Ciphers = []string{*cipher}
	}
	if *kex != "" {
		settings.KeyExchanges = []string{*kex}
	}
	settings.RekeyThreshold = *rekey
	conn, chans, reqs, err := ssh.NewClientConn(&wsConn{Conn: ws}, "", settings)
	if err != nil {
		return err
	}
	defer conn.Close()
	text, _ := json.Marshal(c)
	_, failure, err := conn.SendRequest("config", true, text)
	if err != nil {
		return err
	}
	if len(failure) > 0 {
		return fmt.Errorf("refused: %s", failure)
	}
	fmt.Printf("connected %d\n", add)
	go func() {
		for r := range reqs {
			if r.WantReply {
				r.Reply(r.Type == "ping", []byte("pong"))
			}
		}
	}()
	go ping(conn)
	go serveChannels(chans)
	return conn.Wait()
}

func keep(address string, remotes []string, add int) {
	wait := 100 * time.Millisecond
	for {
		begun := time.Now()
		err := run(address, remotes, add)
		fmt.Printf("disconnected %d: %v\n", add, err)
		if *noReconnect {
			os.Exit(1)
		}
		if time.Since(begun) > 10*time.Second {
			wait = 100 * time.Millisecond
		}
		time.Sleep(wait)
		if wait < 5*time.Minute {
			wait *= 2
		}
	}
}

func main() {
	flag.Parse()
	if flag.NArg() < 2 {
		log.Fatal("usage: connector [OPTIONS] URL R:PORT:HOST:PORT[/udp]...")
	}
	for i := 1; i < *tunnels; i++ {
		go keep(flag.Arg(0), flag.Args()[1:], i**step)
	}
	keep(flag.Arg(0), flag.Args()[1:], 0)
}
