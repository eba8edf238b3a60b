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

/* A message with room for one file; @control must live as long. */
struct file_message {
	char byte;
	struct iovec data;
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr header;
};

static void file_message(struct file_message *message)
{
	memset(message, 0, sizeof(*message));
	message->data = (struct iovec){ &message->byte, 1 };
	message->header.msg_iov = &message->data;
	message->header.msg_iovlen = 1;
	message->header.msg_control = &message->control;
	message->header.msg_controllen = sizeof(message->control.bytes);
}

void user_send(int socket, int fd)
{
	struct file_message message;
	struct cmsghdr *control;

	file_message(&message);
	control = CMSG_FIRSTHDR(&message.header);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(control), &fd, sizeof(fd));
	igt_assert_eq(sendmsg(socket, &message.header, 0), 1);
}

int user_receive(int socket)
{
	struct file_message message;
	int fd;

	file_message(&message);
	igt_assert_eq(recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC), 1);
	igt_assert(CMSG_FIRSTHDR(&message.header));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message.header)), sizeof(fd));
	return fd;
}
