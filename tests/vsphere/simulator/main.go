// SPDX-License-Identifier: GPL-2.0-or-later

// Command simulator serves a simulated vCenter over TLS, from govmomi's simulator package.
//
// It prints its URL on standard output once it accepts connections, and ends on SIGTERM.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/vmware/govmomi/simulator"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:443", "ADDRESS:PORT to serve on")
	user := flag.String("user", "operator@vsphere.local", "the only user")
	password := flag.String("password", "", "that user's password (required)")
	flag.Parse()
	if *password == "" || flag.NArg() != 0 {
		flag.Usage()
		os.Exit(1)
	}

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)

	model := simulator.VPX()
	model.Cluster = 1
	model.Host = 1
	model.Machine = 2
	defer model.Remove()
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}

	// An empty configuration has the server make its certificate.
	model.Service.TLS = new(tls.Config)
	model.Service.Listen = &url.URL{
		Host: *listen,
		User: url.UserPassword(*user, *password),
	}
	server := model.Service.NewServer()
	defer server.Close()
	fmt.Printf("https://%s%s\n", *listen, server.URL.Path)
	<-stop
}
