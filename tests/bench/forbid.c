/* A machine without user namespaces, for one command: a filter refuses them with EPERM, as the default
 * filters of container programs do. clone3(2) hides its flags behind a pointer and gets ENOSYS.
 *
 *     forbid COMMAND [ARG]...
 *
 * Build: cc -O2 -static -o forbid forbid.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "forbid.c does not know this processor"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS_EQUAL(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define IF_EQUAL(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, skip, 0)
#define GIVE(action) BPF_STMT(BPF_RET | BPF_K, action)

int main(int argc, char **argv)
{
    struct sock_filter steps[] = {
        LOAD(arch),
        UNLESS_EQUAL(ARCHITECTURE, 8),
        LOAD(nr),
        UNLESS_EQUAL(SYS_clone3, 1),
        GIVE(SECCOMP_RET_ERRNO | ENOSYS),
        IF_EQUAL(SYS_clone, 1),
        UNLESS_EQUAL(SYS_unshare, 3),
        LOAD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1),
        GIVE(SECCOMP_RET_ERRNO | EPERM),
        GIVE(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(steps) / sizeof(*steps), steps};

    if (argc < 2) {
        fprintf(stderr, "usage: forbid COMMAND [ARG]...\n");
        return 2;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        perror("forbid: seccomp");
        return 1;
    }
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 1;
}
