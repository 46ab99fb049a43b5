/* What the kernel alone costs: the namespaces and mounts of `jail run` with its default
 * profile, made by a static C program with every path known in advance. No profile is read, no
 * plan is drawn, no filter and no ruleset is loaded, and nobody waits outside for signals.
 *
 *     bare COMMAND [ARG]...       run in the working directory, which is writable
 *
 * Build: cc -O2 -static -o bare bare.c  (needs the headers of glibc 2.36)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { NOT_RECURSIVE = 0, RECURSIVE = AT_RECURSIVE };

/* The same paths as `root = "host"`. */
static const char *const directories[] = {"/usr",   "/bin",    "/sbin",      "/lib",      "/lib64",
                                          "/lib32", "/libx32", "/opt",       "/nix/store", "/gnu/store"};
static const char *const etc[] = {
    "alternatives",  "ld.so.cache", "ld.so.conf",    "ld.so.conf.d", "ssl/certs", "ssl/openssl.cnf",
    "pki/ca-trust",  "pki/tls/certs", "crypto-policies", "localtime", "locale.conf", "nsswitch.conf",
    "protocols",     "services",    "os-release",    "bash.bashrc",  "bashrc",    "inputrc",
    "java-17-openjdk"};
static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
static const char *const masked[] = {
    "acpi",          "asound",  "interrupts", "kcore",     "keys",      "latency_stats",
    "sched_debug",   "scsi",    "timer_list", "timer_stats", "kallsyms", "modules",
    "config.gz",     "vmallocinfo", "cgroups"};
static const char *const read_only[] = {"bus", "fs", "irq", "sys", "sysrq-trigger"};

static int root, store, numbered;

static void die(const char *what, const char *on)
{
    fprintf(stderr, "bare: %s %s: %s\n", what, on, strerror(errno));
    _exit(125);
}

static int must(int result, const char *what, const char *on)
{
    if (result < 0)
        die(what, on);
    return result;
}

static void put(const char *path, const char *format, ...)
{
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int file = must(open(path, O_WRONLY | O_CLOEXEC), "open", path);
    if (write(file, text, length) != length)
        die("write", path);
    close(file);
}

static void restrict_mount(int tree, unsigned long set, int recursive, const char *name)
{
    struct mount_attr attributes = {.attr_set = set};
    must(mount_setattr(tree, "", AT_EMPTY_PATH | recursive, &attributes, sizeof attributes),
         "mount_setattr", name);
}

static void attach(int tree, int parent, const char *name)
{
    must(move_mount(tree, "", parent, name, MOVE_MOUNT_F_EMPTY_PATH), "move_mount", name);
    close(tree);
}

static int clone_tree(int parent, const char *path, int recursive)
{
    return must(open_tree(parent, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive), "open_tree",
                path);
}

static void make_file(int parent, const char *name)
{
    close(must(openat(parent, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644), "create", name));
}

/* Parents of `path`, and the place itself, as a directory or an empty file. */
static void make_place(int parent, const char *path, int directory)
{
    char prefix[4096];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(prefix, sizeof prefix, "%.*s", (int)(slash - path), path);
        if (mkdirat(parent, prefix, 0755) < 0 && errno != EEXIST)
            die("mkdir", prefix);
    }
    if (!directory)
        make_file(parent, path);
    else if (mkdirat(parent, path, 0755) < 0 && errno != EEXIST)
        die("mkdir", path);
}

/* `path` of the host at the same path inside; a link is made again. */
static void bind_path(const char *path, unsigned long attributes)
{
    char target[4096];
    struct stat found;
    if (lstat(path, &found) < 0)
        return;
    if (S_ISLNK(found.st_mode)) {
        ssize_t length = must(readlink(path, target, sizeof target - 1), "readlink", path);
        target[length] = 0;
        must(symlinkat(target, root, path + 1), "symlink", path);
        return;
    }
    int tree = clone_tree(AT_FDCWD, path, RECURSIVE);
    restrict_mount(tree, attributes, RECURSIVE, path);
    make_place(root, path + 1, S_ISDIR(found.st_mode));
    attach(tree, root, path + 1);
}

/* An empty writable directory that shares the scratch file system. */
static int private_directory(mode_t mode)
{
    char name[32];
    snprintf(name, sizeof name, "private-%d", numbered++);
    must(mkdirat(store, name, mode), "mkdir", name);
    must(fchmodat(store, name, mode, 0), "chmod", name);
    int tree = clone_tree(store, name, NOT_RECURSIVE);
    restrict_mount(tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, NOT_RECURSIVE, name);
    return tree;
}

static void mount_private(const char *path, mode_t mode)
{
    make_place(root, path, 1);
    attach(private_directory(mode), root, path);
}

static int new_filesystem(const char *type, const char *const options[][2], unsigned long attributes)
{
    int context = must(fsopen(type, FSOPEN_CLOEXEC), "fsopen", type);
    for (; options && (*options)[0]; options++) {
        int command = (*options)[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
        must(fsconfig(context, command, (*options)[0], (*options)[1], 0), "fsconfig", (*options)[0]);
    }
    must(fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "create", type);
    int tree = must(fsmount(context, FSMOUNT_CLOEXEC, attributes), "fsmount", type);
    close(context);
    return tree;
}

static void make_scratch(void)
{
    static const char *const options[][2] = {
        {"size", "512M"}, {"nr_inodes", "65536"}, {"mode", "0755"}, {0}};
    root = new_filesystem("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    must(move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH), "move_mount", "/");
    must(mkdirat(root, "proc", 0555), "mkdir", "proc");
    store = must(openat(root, "proc", O_PATH | O_DIRECTORY | O_CLOEXEC), "open", "proc");
    must(mkdirat(store, "mask-directory", 0), "mkdir", "mask-directory");
    close(must(openat(store, "mask-file", O_CREAT | O_WRONLY | O_CLOEXEC, 0), "create", "mask-file"));
}

static void bind_system(void)
{
    unsigned long attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    for (size_t i = 0; i < COUNT(directories); i++)
        bind_path(directories[i], attributes);
    for (size_t i = 0; i < COUNT(etc); i++) {
        char path[64];
        snprintf(path, sizeof path, "/etc/%s", etc[i]);
        bind_path(path, attributes);
    }
}

static void write_accounts(void)
{
    static const char *const names[] = {"etc/passwd", "etc/group", "etc/hosts"};
    for (size_t i = 0; i < COUNT(names); i++) {
        make_place(root, names[i], 0);
        int file = must(openat(root, names[i], O_WRONLY | O_CLOEXEC), "open", names[i]);
        must(dprintf(file, "jail:x:%d:%d::/:/bin/sh\n", getuid(), getgid()), "write", names[i]);
        close(file);
    }
}

static void mask(int proc, const char *name)
{
    struct stat found;
    if (fstatat(proc, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    const char *cover = S_ISDIR(found.st_mode) ? "mask-directory" : "mask-file";
    int tree = clone_tree(store, cover, NOT_RECURSIVE);
    restrict_mount(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, NOT_RECURSIVE, name);
    attach(tree, proc, name);
}

static void mount_proc(void)
{
    static const char *const options[][2] = {{"hidepid", "invisible"}, {0}};
    int proc = new_filesystem("proc", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    must(move_mount(proc, "", root, "proc", MOVE_MOUNT_F_EMPTY_PATH), "move_mount", "proc");
    for (size_t i = 0; i < COUNT(masked); i++)
        mask(proc, masked[i]);
    for (size_t i = 0; i < COUNT(read_only); i++) {
        if (faccessat(proc, read_only[i], F_OK, 0) < 0)
            continue;
        int tree = clone_tree(proc, read_only[i], NOT_RECURSIVE);
        restrict_mount(tree, MOUNT_ATTR_RDONLY, NOT_RECURSIVE, read_only[i]);
        attach(tree, proc, read_only[i]);
    }
    close(proc);
}

static void mount_dev(void)
{
    static const char *const pts_options[][2] = {
        {"newinstance", NULL}, {"ptmxmode", "0666"}, {"mode", "0620"}, {0}};
    static const char *const links[][2] = {{"/proc/self/fd", "fd"},
                                           {"/proc/self/fd/0", "stdin"},
                                           {"/proc/self/fd/1", "stdout"},
                                           {"/proc/self/fd/2", "stderr"},
                                           {"pts/ptmx", "ptmx"}};
    int dev = private_directory(0755);
    must(mkdirat(root, "dev", 0755), "mkdir", "dev");
    must(move_mount(dev, "", root, "dev", MOVE_MOUNT_F_EMPTY_PATH), "move_mount", "dev");
    for (size_t i = 0; i < COUNT(devices); i++) {
        char path[32];
        snprintf(path, sizeof path, "/dev/%s", devices[i]);
        int node = clone_tree(AT_FDCWD, path, NOT_RECURSIVE);
        restrict_mount(node, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, NOT_RECURSIVE, path);
        make_file(dev, devices[i]);
        attach(node, dev, devices[i]);
    }
    make_place(dev, "pts", 1);
    attach(new_filesystem("devpts", pts_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), dev, "pts");
    make_place(dev, "shm", 1);
    attach(private_directory(01777), dev, "shm");
    for (size_t i = 0; i < COUNT(links); i++)
        must(symlinkat(links[i][0], dev, links[i][1]), "symlink", links[i][1]);
    restrict_mount(dev, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                   NOT_RECURSIVE, "dev");
    close(dev);
}

static void enter_root(const char *workdir)
{
    restrict_mount(root, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, NOT_RECURSIVE, "/");
    must(fchdir(root), "chdir", "/");
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root", "/");
    must(umount2(".", MNT_DETACH), "umount", "the old root");
    must(chdir(workdir), "chdir", workdir);
    close(root);
    close(store);
}

static void loopback_up(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int socket_ = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket", "lo");
    must(ioctl(socket_, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS", "lo");
    close(socket_);
}

static int wait_for(pid_t command)
{
    int status;
    for (;;) {
        pid_t ended = waitpid(-1, &status, 0);
        if (ended == command)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (ended < 0 && errno != EINTR)
            die("waitpid", "the command");
    }
}

static int init(uid_t uid, gid_t gid, const char *workdir, const char *home, char **argv)
{
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl", "PR_SET_PDEATHSIG");
    put("/proc/self/setgroups", "deny");
    put("/proc/self/uid_map", "%u %u 1", uid, uid);
    put("/proc/self/gid_map", "%u %u 1", gid, gid);
    make_scratch();
    bind_system();
    write_accounts();
    mount_private("tmp", 01777);
    mount_private("run", 0755);
    mount_private("var/tmp", 01777);
    if (home && *home == '/' && home[1])
        mount_private(home + 1, 0700);
    bind_path(workdir, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    mount_proc();
    mount_dev();
    enter_root(workdir);
    loopback_up();
    must(sethostname("jail", 4), "sethostname", "jail");
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl", "PR_SET_NO_NEW_PRIVS");

    pid_t command = must(fork(), "fork", argv[0]);
    if (command == 0) {
        execvp(argv[0], argv);
        die("exec", argv[0]);
    }
    return wait_for(command);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bare COMMAND [ARG]...\n");
        return 125;
    }
    char workdir[4096];
    if (!getcwd(workdir, sizeof workdir))
        die("getcwd", ".");
    uid_t uid = geteuid();
    gid_t gid = getegid();
    struct clone_args arguments = {.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                                            CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP,
                                   .exit_signal = SIGCHLD};
    pid_t child = must(syscall(SYS_clone3, &arguments, sizeof arguments), "clone3", "");
    if (child == 0)
        _exit(init(uid, gid, workdir, getenv("HOME"), argv + 1));
    return wait_for(child);
}
