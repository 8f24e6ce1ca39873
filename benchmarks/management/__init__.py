"""What watching costs: 10,000 queues, 2,000 connections, and the page open beside a load."""
