"""What can be asked over HTTP? One module a group of resources.

May use every other room but `cli`.
"""
