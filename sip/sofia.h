/** The one place that includes the SIP library: typed callbacks (facts: without these macros every
 * magic pointer is of an anonymous struct). */
#pragma once

#define SU_ROOT_MAGIC_T struct stack
#define SU_TIMER_ARG_T void
#define SU_WAKEUP_ARG_T struct stack
#define NTA_AGENT_MAGIC_T struct stack
#define NTA_LEG_MAGIC_T void
#define NTA_INCOMING_MAGIC_T void
#define NTA_OUTGOING_MAGIC_T void

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/su_wait.h>
#include <sofia-sip/tport.h>
#include <sofia-sip/tport_tag.h>
