package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/flexvolume"
	"strongroom/internal/flexvolume/install"
	"strongroom/internal/telemetry"
	"strongroom/internal/telemetry/logkey"
	"strongroom/internal/volume"
)

// flexConfig is the FlexVolume driver's command line. A kubelet gives it none, so the operator's settings stand in a file
// beside the program, by the names of these flags.
type flexConfig struct {
	Settings    string
	LogFile     string
	Fetch       string
	ProviderDir string
	MoreDirs    string
	MaxRecv     int
	Volumes     string
	Timeout     time.Duration

	set   *flag.FlagSet
	azure *azureConfig
}

// How a volume's content is come by.
const (
	fetchAuto     = "auto"
	fetchProvider = "provider"
	fetchDirect   = "direct"
)

func flexFlags(set *flag.FlagSet, p Process) *flexConfig {
	c := &flexConfig{set: set, azure: azureFlags(set, p)}
	set.StringVar(&c.Settings, "settings", "", "JSON `file` with flags by name; empty is "+install.Settings+" beside this program, where there is one")
	set.StringVar(&c.LogFile, "log-file", "/var/log/kv-driver.log", "`file` to log to, put aside as .1 at 1 MiB; empty is none")
	set.StringVar(&c.Fetch, "fetch", fetchAuto, "`who` asks the vault: provider (the node's, by its socket), direct (this program), or auto (the provider where its socket is there)")
	set.StringVar(&c.ProviderDir, "provider-volume", providerDir, "`directory` of plugin sockets, searched last")
	set.StringVar(&c.MoreDirs, "additional-provider-volume-paths", moreProviderDirs, "comma-separated `directories` of plugin sockets, searched first")
	set.IntVar(&c.MaxRecv, "max-call-recv-msg-size", 4<<20, "greatest answer of the provider in bytes")
	set.StringVar(&c.Volumes, "volumes", "tmpfs", "`what` stands under a target: tmpfs, plain (a directory on disk) or auto (tmpfs where this process may mount)")
	set.DurationVar(&c.Timeout, "timeout", 110*time.Second, "how long a mount may take; the kubelet tries again")
	return c
}

// flexProgram is the name a kubelet executes this binary under.
const flexProgram = install.Program

// runFlexVolume is one call of a kubelet. Whatever happens, it answers with one JSON object on standard output and with
// nothing anywhere else: the kubelet reads both outputs together.
func runFlexVolume(ctx context.Context, p Process) error {
	if p.Name == flexProgram {
		return flexFlags(flag.NewFlagSet(flexProgram, flag.ContinueOnError), p).run(ctx, p, p.Args)
	}
	if len(p.Args) > 0 && p.Args[0] == "install" {
		p.Args = p.Args[1:]
		return runFlexInstall(ctx, p)
	}
	set := flags(p, "flexvolume", "flexvolume [flags] init | mount DIRECTORY OPTIONS | unmount DIRECTORY\n       strongroom flexvolume install --target-dir DIRECTORY [flags]")
	c := flexFlags(set, p)
	if err := parse(set, p, true); err != nil {
		return err
	}
	if set.NArg() == 0 {
		return errUsage{errors.New("name an operation: init, mount, unmount")}
	}
	return c.run(ctx, p, set.Args())
}

func (c *flexConfig) run(ctx context.Context, p Process, args []string) error {
	answer := c.answer(ctx, args)
	if err := answer.Write(p.Stdout); err != nil {
		return errTold{1}
	}
	return exitOf(answer, args)
}

// exitOf is 1 for everything but success, with one exception: of a call that exits so a kubelet logs the arguments, and
// with them the Secret of a service principal. The status alone tells it as much.
func exitOf(answer flexvolume.Answer, args []string) error {
	if answer.Status == flexvolume.Success {
		return nil
	}
	for _, arg := range args {
		if flexvolume.Credentials(arg) {
			return nil
		}
	}
	return errTold{1}
}

// answer does what is asked. A defect of ours must not answer with a stack where the kubelet expects JSON.
func (c *flexConfig) answer(ctx context.Context, args []string) (answer flexvolume.Answer) {
	defer func() {
		if r := recover(); r != nil {
			_, _ = fmt.Fprintf(flexvolume.LogFile{Path: c.LogFile}, "panic: %T\n%s", r, debug.Stack())
			answer = flexvolume.AnswerTo(fault.New(fault.Internal, "", "the driver failed by a defect of its own: %T", r).
				Mend("report the stack in the node's %s", c.LogFile))
		}
	}()
	if runtime.GOOS == "windows" {
		return flexvolume.AnswerTo(fault.New(fault.Unsupported, "azure/kv", "there is no such FlexVolume driver for Windows, and there was none before").
			Mend("mount a CSI volume: strongroom migrate turns the manifest into one"))
	}
	op := ""
	if len(args) > 0 {
		op = args[0]
	}
	switch {
	case op == "init":
		return flexvolume.Init()
	case op == "mount" && len(args) == 3:
		return flexvolume.AnswerTo(c.mount(ctx, args[1], []byte(args[2])))
	case op == "unmount" && len(args) == 2:
		return flexvolume.AnswerTo(c.unmount(ctx, args[1]))
	case op == "mount" || op == "unmount":
		return flexvolume.AnswerTo(fault.New(fault.Invalid, op, "%d arguments are not what a kubelet gives", len(args)-1))
	}
	return flexvolume.Unsupported()
}

func (c *flexConfig) mount(ctx context.Context, target string, options []byte) (err error) {
	defer func() { c.logFailure("mount answered with failure", target, err) }()
	way := &flexWay{flexConfig: c, settings: c.readSettings()}
	defer way.close()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	return c.driver(way).Mount(ctx, target, options)
}

// unmount needs no settings but where to log: a pod must be able to go however wrong they are.
func (c *flexConfig) unmount(ctx context.Context, target string) (err error) {
	c.logFailure("unmounting all the same", target, c.readSettings())
	defer func() { c.logFailure("unmount answered with failure", target, err) }()
	return c.driver(&flexWay{flexConfig: c}).Unmount(ctx, target)
}

func (c *flexConfig) driver(way *flexWay) *flexvolume.Driver {
	return flexvolume.New(flexvolume.Config{
		Volumes: volume.New(volume.Config{Mount: mountModes[c.Volumes]}), Clock: clock.Real{},
		Providers: way.provider, Recorder: flexvolume.Recorder{Log: c.log()},
	})
}

func (c *flexConfig) log() *slog.Logger {
	return telemetry.NewLogger(flexvolume.LogFile{Path: c.LogFile}, telemetry.LogConfig{})
}

// logFailure is for what ends before there is a mount to record; the line of one that failed says the same again.
func (c *flexConfig) logFailure(what, target string, err error) {
	if err != nil {
		c.log().Error(what, logkey.Target, target, logkey.Kind, fault.KindOf(err).String(), logkey.Error, fault.Explain(err))
	}
}
