// SPDX-License-Identifier: MIT
/*
 * Unprivileged processes of different users, see users.h.
 */
#include "users.h"

#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/capability.h>

#include "file_message.h"
#include "gpu_test.h"

#define FIRST_UID	62000

static void assert_no_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	igt_assert_eq(syscall(SYS_capget, &header, data), 0);
	for (unsigned int i = 0; i < 2; i++)
		igt_assert_eq_u32(data[i].effective | data[i].permitted, 0);
}

void user_become(unsigned int who)
{
	uid_t uid = FIRST_UID + who;

	igt_assert_eq(setgroups(0, NULL), 0);
	igt_assert_eq(setresgid(uid, uid, uid), 0);
	igt_assert_eq(setresuid(uid, uid, uid), 0);
	igt_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_no_capability();
}

void user_wait(void)
{
	igt_waitchildren_timeout(2 * GPU_TIMEOUT_S, "the users");
}

void user_send(int socket, int fd)
{
	igt_assert_eq(file_message_send(socket, fd, 0), 0);
}

int user_receive(int socket)
{
	int fd = file_message_receive(socket, 0);

	igt_assert_f(fd >= 0, "no file came: %s\n", strerror(-fd));
	return fd;
}
