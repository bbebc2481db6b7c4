package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// measureFlexVolume tells how long a kubelet's exec of the FlexVolume driver takes until the volume is mounted, for one
// secret that the node's provider has already. A benchmark mounts nothing: in place of a tmpfs it is a plain directory,
// which takes longer, since what is on a disk is synced.
func measureFlexVolume(ctx context.Context, a *azure, binary, dir string) error {
	p, err := start(ctx, a, binary, dir)
	if err != nil {
		return err
	}
	defer p.stop()
	program, err := flexProgram(binary, filepath.Dir(p.socket))
	if err != nil {
		return err
	}
	const mounts = 21
	targets := make([]string, mounts)
	for i := range targets { // the pods were all there before anything was fetched
		pod := filepath.Join(dir, "pods", strconv.Itoa(i))
		if err := os.MkdirAll(pod, 0o750); err != nil {
			return err
		}
		targets[i] = filepath.Join(pod, "volumes", "azure~kv", "vol")
	}
	var took []time.Duration
	for i, target := range targets {
		options, err := flexOptions(strconv.Itoa(i))
		if err != nil {
			return err
		}
		began := time.Now()
		out, err := exec.CommandContext(ctx, program, "mount", target, options).CombinedOutput()
		took = append(took, time.Since(began))
		if _, missing := os.Stat(filepath.Join(target, "s0")); err != nil || missing != nil {
			return fmt.Errorf("the FlexVolume did not mount: %s: %w", out, err)
		}
		if out, err := exec.CommandContext(ctx, program, "unmount", target).CombinedOutput(); err != nil {
			return fmt.Errorf("the FlexVolume did not unmount: %s: %w", out, err)
		}
	}
	first, cached := took[0], took[1:]
	middle := median(cached, func(d time.Duration) time.Duration { return d })
	fmt.Printf("FlexVolume, exec to mounted: first %.0f ms, then of a cached secret median %.0f ms of %d\n",
		float64(first.Microseconds())/1000, float64(middle.Microseconds())/1000, len(cached))
	return nil
}

// flexProgram installs the binary as a node has it, with settings that lead to the provider in dir.
func flexProgram(binary, dir string) (program string, err error) {
	program = filepath.Join(dir, "kv")
	settings, err := json.Marshal(map[string]string{
		"fetch": "provider", "provider-volume": dir, "additional-provider-volume-paths": "", "volumes": "plain", "log-file": filepath.Join(dir, "kv.log"),
	})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "kv.json"), settings, 0o600); err != nil {
		return "", err
	}
	return program, os.Link(binary, program)
}

// flexOptions are what a kubelet hands over for a pod.
func flexOptions(uid string) (string, error) {
	encode := base64.StdEncoding.EncodeToString
	text, err := json.Marshal(map[string]string{
		"keyvaultname": "bench-kv", "keyvaultobjectnames": "s0", "keyvaultobjecttypes": "secret", "tenantid": tenant,
		"kubernetes.io/pod.name": "pod", "kubernetes.io/pod.namespace": "bench", "kubernetes.io/pod.uid": uid, "kubernetes.io/pvOrVolumeName": "vol",
		"kubernetes.io/secret/clientid": encode([]byte(client)), "kubernetes.io/secret/clientsecret": encode([]byte("bench")),
	})
	return string(text), err
}
