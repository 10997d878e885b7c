#include "shells/linux/udp_gather.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "shells/linux/send_control.h"
#include "shells/linux/socket_address.h"

namespace connlib::shells {
namespace {

// Longer datagrams are cut by IP, which UDP_SEGMENT refuses to do to segments.
constexpr size_t kMaxSegmentBytesV4 = 1500 - 28;
constexpr size_t kMaxSegmentBytesV6 = 1500 - 48;
constexpr size_t kMaxMessageBytes = 65000;

// What a datagram needs besides its bytes, except for the segment size.
template <typename Datagram>
void append_marks(msghdr& header, const Datagram& datagram) {
  append_ecn(header, datagram.to.ip.family(), datagram.ecn);
  if (datagram.source) append_source(header, *datagram.source);
}

bool is_full(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS; }

// sendmsg() only reads.
iovec vector_of(std::span<const uint8_t> bytes) {
  return {const_cast<uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

struct UdpGather::Message {
  GatherTarget* target = nullptr;
  SocketAddress to;
  std::optional<IpAddress> source;
  Ecn ecn = Ecn::kNotEct;
  bool is_control = false;
  bool is_closed = false;  // A shorter one ended the run.
  bool is_sent = false;
  size_t segment_bytes = 0;
  size_t segments = 0;
  size_t bytes = 0;
  size_t vectors_per_segment = 1;
  Header header{};  // Of all segments but a shorter last one.
  Header last_header{};
  size_t vector_count = 0;
  std::array<iovec, 2 * kMaxSegments> vectors{};

  bool is_of_flow(const GatherTarget& from, const Datagram& datagram) const {
    return target == &from && to == datagram.to && source == datagram.source;
  }
};

struct UdpGather::Native {
  std::array<Message, kMessages> messages;
  std::array<mmsghdr, kMessages> headers{};
  std::array<sockaddr_storage, kMessages> addresses{};
  std::array<ControlSpace, kMessages> controls{};
  std::array<size_t, kMessages> slots{};  // By place in one sendmmsg(): the message.
};

size_t UdpBacklog::push(Datagram datagram) {
  size_t lost = 0;
  if (datagram.is_control) {
    if (queue_.size() - data_ >= kMaxControl) return 1;
  } else if (data_ >= kMaxData) {
    const auto oldest =
        std::find_if(queue_.begin(), queue_.end(), [](const Datagram& d) { return !d.is_control; });
    queue_.erase(oldest);
    --data_;
    lost = 1;
  }
  if (!datagram.is_control) ++data_;
  queue_.push_back(std::move(datagram));
  return lost;
}

void UdpBacklog::pop() {
  if (!queue_.front().is_control) --data_;
  queue_.pop_front();
}

UdpGather::UdpGather() : native_(std::make_unique<Native>()) {}
UdpGather::~UdpGather() = default;

void UdpGather::add(GatherTarget& target, const Datagram& datagram) {
  if (Message* message = open_message(target, datagram)) {
    append(*message, datagram);
    return;
  }
  if (count_ == kMessages) flush();
  Message& message = native_->messages[count_++];
  message.target = &target;
  message.to = datagram.to;
  message.source = datagram.source;
  message.ecn = datagram.ecn;
  message.is_control = datagram.is_control;
  message.is_closed = message.is_sent = false;
  message.segments = message.bytes = message.vector_count = 0;
  message.vectors_per_segment = datagram.header == nullptr ? 1 : 2;
  message.segment_bytes = datagram.payload.size() + (datagram.header == nullptr ? 0 : kHeaderBytes);
  if (datagram.header != nullptr) message.header = *datagram.header;
  append(message, datagram);
}

// The newest message of the same flow, when one more datagram fits it. An older one would reorder.
UdpGather::Message* UdpGather::open_message(const GatherTarget& target, const Datagram& datagram) {
  for (size_t i = count_; i-- > 0;) {
    Message& message = native_->messages[i];
    if (!message.is_of_flow(target, datagram)) continue;
    const size_t bytes = datagram.payload.size() + (datagram.header == nullptr ? 0 : kHeaderBytes);
    const size_t limit = message.to.ip.is_v4() ? kMaxSegmentBytesV4 : kMaxSegmentBytesV6;
    const bool fits = target.socket->segments() && !message.is_closed && !message.is_control &&
                      !datagram.is_control && message.ecn == datagram.ecn &&
                      message.segments < kMaxSegments && bytes > 0 &&
                      bytes <= message.segment_bytes && message.segment_bytes <= limit &&
                      message.bytes + bytes <= kMaxMessageBytes &&
                      message.vectors_per_segment == (datagram.header == nullptr ? 1U : 2U) &&
                      (bytes < message.segment_bytes || datagram.header == nullptr ||
                       *datagram.header == message.header);
    return fits ? &message : nullptr;
  }
  return nullptr;
}

void UdpGather::append(Message& message, const Datagram& datagram) {
  const size_t bytes = datagram.payload.size() + (datagram.header == nullptr ? 0 : kHeaderBytes);
  if (datagram.header != nullptr) {
    Header* header = &message.header;
    if (bytes < message.segment_bytes) {
      header = &message.last_header;
      *header = *datagram.header;
    }
    message.vectors[message.vector_count++] = vector_of(*header);
  }
  message.vectors[message.vector_count++] = vector_of(datagram.payload);
  message.is_closed = bytes < message.segment_bytes;
  message.bytes += bytes;
  ++message.segments;
}

void UdpGather::flush() {
  for (size_t i = 0; i < count_; ++i) {
    if (!native_->messages[i].is_sent) send_all_of(*native_->messages[i].target, i);
  }
  count_ = 0;
}

// Sends the messages of one socket, from `first` on, in their order.
void UdpGather::send_all_of(GatherTarget& target, size_t first) {
  Native& n = *native_;
  size_t total = 0;
  for (size_t i = first; i < count_; ++i) {
    if (n.messages[i].target != &target) continue;
    n.messages[i].is_sent = true;
    if (!target.backlog.empty()) {
      postpone(n.messages[i], 0);
      continue;
    }
    n.slots[total] = i;
    prepare(n.messages[i], total++);
  }
  for (size_t done = 0; done < total;) {
    const int sent = sendmmsg(target.socket->fd(), &n.headers[done],
                              static_cast<unsigned>(total - done), MSG_DONTWAIT);
    if (sent > 0) {
      for (size_t i = done; i < done + static_cast<size_t>(sent); ++i) {
        stats_.datagrams += n.messages[n.slots[i]].segments;
      }
      stats_.messages += static_cast<uint64_t>(sent);
      done += static_cast<size_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (is_full(errno)) {
      for (; done < total; ++done) postpone(n.messages[n.slots[done]], 0);
      return;
    }
    Message& message = n.messages[n.slots[done++]];
    if (message.segments == 1) {
      ++stats_.unreachable;
      continue;
    }
    // EIO: the device cannot checksum what we ask it to cut. Anything else is about this message: a
    // segment longer than the path's MTU, say, which IP may cut when it is sent alone.
    if (errno == EIO) target.socket->disable_segmentation();
    if (send_singly(message)) continue;
    for (; done < total; ++done) postpone(n.messages[n.slots[done]], 0);
  }
}

void UdpGather::prepare(Message& message, size_t slot) {
  Native& n = *native_;
  msghdr& header = n.headers[slot].msg_hdr;
  header = {&n.addresses[slot],
            to_native(message.to, n.addresses[slot]),
            message.vectors.data(),
            message.vector_count,
            n.controls[slot].bytes.data(),
            0,
            0};
  append_marks(header, message);
  if (message.segments > 1) {
    append_control(header, SOL_UDP, UDP_SEGMENT, static_cast<uint16_t>(message.segment_bytes));
  }
  if (header.msg_controllen == 0) header.msg_control = nullptr;
}

// False when the socket is full; what is left is in the backlog then.
bool UdpGather::send_singly(Message& message) {
  sockaddr_storage address{};
  const socklen_t length = to_native(message.to, address);
  const size_t step = message.vectors_per_segment;
  for (size_t i = 0; i < message.segments; ++i) {
    ControlSpace control;
    msghdr header{&address, length, &message.vectors[i * step], step, control.bytes.data(), 0, 0};
    append_marks(header, message);
    if (header.msg_controllen == 0) header.msg_control = nullptr;
    if (sendmsg(message.target->socket->fd(), &header, MSG_DONTWAIT) >= 0) {
      ++stats_.datagrams;
      ++stats_.messages;
    } else if (is_full(errno)) {
      postpone(message, i);
      return false;
    } else {
      ++stats_.unreachable;
    }
  }
  return true;
}

void UdpGather::postpone(Message& message, size_t from_segment) {
  const size_t step = message.vectors_per_segment;
  for (size_t i = from_segment; i < message.segments; ++i) {
    UdpBacklog::Datagram datagram{message.to, message.ecn, message.is_control, {}, message.source};
    for (size_t v = i * step; v < (i + 1) * step; ++v) {
      const auto* begin = static_cast<const uint8_t*>(message.vectors[v].iov_base);
      datagram.bytes.insert(datagram.bytes.end(), begin, begin + message.vectors[v].iov_len);
    }
    stats_.overflowed += message.target->backlog.push(std::move(datagram));
  }
}

bool UdpGather::drain(GatherTarget& target) {
  while (!target.backlog.empty()) {
    const UdpBacklog::Datagram& datagram = target.backlog.front();
    sockaddr_storage address{};
    const socklen_t length = to_native(datagram.to, address);
    iovec vector = vector_of(datagram.bytes);
    ControlSpace control;
    msghdr header{&address, length, &vector, 1, control.bytes.data(), 0, 0};
    append_marks(header, datagram);
    if (header.msg_controllen == 0) header.msg_control = nullptr;
    if (sendmsg(target.socket->fd(), &header, MSG_DONTWAIT) >= 0) {
      ++stats_.datagrams;
      ++stats_.messages;
    } else if (is_full(errno)) {
      return false;
    } else {
      ++stats_.unreachable;
    }
    target.backlog.pop();
  }
  return true;
}

}  // namespace connlib::shells
