//go:build !unix

package kubernetes

import "syscall"

func ownGroup() *syscall.SysProcAttr { return nil }
